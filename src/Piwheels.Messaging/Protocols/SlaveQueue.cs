using System.Formats.Cbor;
using Piwheels.Core.Packaging;
using Piwheels.Core.Recipes;
using Piwheels.Core.States;
using Piwheels.Messaging.Cbor;

namespace Piwheels.Messaging.Protocols;

/// <summary>What a build slave says to the master, strictly by turns with <see cref="SlaveReply"/>.</summary>
public abstract record SlaveRequest : IWireMessage<SlaveRequest>
{
    private SlaveRequest()
    {
    }

    public abstract string Name { get; }

    public static SlaveRequest Read(ReadOnlyMemory<byte> payload) =>
        WireReader.ReadMessage<SlaveRequest>(payload, static (reader, name, hasData) => (name, hasData) switch
        {
            ("HELLO", true) => new Hello(MachineStates.ReadSlaveHello(reader)),
            ("IDLE", true) => new Idle(MachineStates.ReadSlaveStats(reader)),
            ("BUSY", true) => new Busy(MachineStates.ReadSlaveStats(reader)),
            ("BUILT", true) => Built.ReadData(reader),
            ("SENT", false) => new Sent(),
            ("BYE", false) => new Bye(),
            ("FACTS", true) => Facts.ReadData(reader),
            ("PRINTED", true) => Printed.ReadData(reader),
            _ => throw WireReader.Unknown(name, hasData),
        });

    public virtual void Write(CborWriter writer) => writer.WriteTextString(Name);

    /// <summary>A slave comes, or comes back after a silence.</summary>
    public sealed record Hello(SlaveHello Slave) : SlaveRequest
    {
        public override string Name => "HELLO";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.Write(Slave);
            writer.WriteEndArray();
        }
    }

    /// <summary>It would like something to build.</summary>
    public sealed record Idle(SlaveStats Stats) : SlaveRequest
    {
        public override string Name => "IDLE";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.Write(Stats);
            writer.WriteEndArray();
        }
    }

    /// <summary>It is building still.</summary>
    public sealed record Busy(SlaveStats Stats) : SlaveRequest
    {
        public override string Name => "BUSY";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.Write(Stats);
            writer.WriteEndArray();
        }
    }

    /// <summary>The build has ended, well or not.</summary>
    /// <param name="Form">How the files are written.</param>
    public sealed record Built(
        bool Status,
        TimeSpan Duration,
        string Output,
        IReadOnlyList<FileState> Files,
        FileStateForm Form = FileStateForm.WithLocation) : SlaveRequest
    {
        public override string Name => "BUILT";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteStartArray(4);
            writer.WriteBoolean(Status);
            writer.WriteDuration(Duration);
            writer.WriteTextString(Output);
            writer.WriteFiles(Files, Form);
            writer.WriteEndArray();
            writer.WriteEndArray();
        }

        internal static Built ReadData(WireReader reader)
        {
            reader.StartRecord("build");
            var status = reader.Boolean("status");
            var duration = BuildStates.ReadBuildDuration(reader);
            var output = reader.Log("output");
            var (files, form) = BuildStates.ReadFiles(reader);
            reader.EndRecord("build");
            return new Built(status, duration, output, files, form);
        }
    }

    /// <summary>The file that was asked for is on the master, as far as the slave can tell.</summary>
    public sealed record Sent : SlaveRequest
    {
        public override string Name => "SENT";
    }

    /// <summary>It goes; nothing is answered.</summary>
    public sealed record Bye : SlaveRequest
    {
        public override string Name => "BYE";
    }

    /// <summary>
    /// What it has of that which its master asked about. Said to masters of this program alone, where IDLE might be said;
    /// answered with CONT.
    /// </summary>
    /// <param name="Apt">The Debian packages that are installed, or provided by installed ones.</param>
    /// <param name="TellsTail">Whether it may be asked for what its builds print.</param>
    public sealed record Facts(IReadOnlyList<string> Apt, bool TellsTail = false) : SlaveRequest
    {
        public override string Name => "FACTS";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteQuestions(Apt, TellsTail);
            writer.WriteEndArray();
        }

        internal static Facts ReadData(WireReader reader)
        {
            var (apt, tail) = RecipeStates.ReadQuestions(reader, "facts");
            return new Facts(apt, tail);
        }
    }

    /// <summary>
    /// The newest of what the build has printed: the answer to TAIL, and said at no other time; answered with CONT.
    /// </summary>
    /// <param name="Piece">Begins where TAIL asked, or later where more has been printed since than a piece holds.</param>
    public sealed record Printed(OutputPiece Piece) : SlaveRequest
    {
        public override string Name => "PRINTED";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            LiveRows.Write(writer, Piece);
            writer.WriteEndArray();
        }

        internal static Printed ReadData(WireReader reader) => new(LiveRows.ReadPiece(reader));
    }
}

/// <summary>What the master answers a build slave.</summary>
public abstract record SlaveReply : IWireMessage<SlaveReply>
{
    private SlaveReply()
    {
    }

    public abstract string Name { get; }

    public static SlaveReply Read(ReadOnlyMemory<byte> payload) =>
        WireReader.ReadMessage<SlaveReply>(payload, static (reader, name, hasData) => (name, hasData) switch
        {
            ("ACK", true) => Ack.ReadData(reader),
            ("ASK", true) => new Ask(RecipeStates.ReadQuestions(reader, "questions").Apt),
            ("SLEEP", true) => new Sleep(reader.Boolean("paused")),
            ("BUILD", true) => Build.ReadData(reader),
            ("CONT", false) => new Cont(),
            ("TAIL", true) => Tail.ReadData(reader),
            ("DONE", false) => new Done(),
            ("DIE", false) => new Die(),
            ("SEND", true) => new Send(reader.Text("file name", WireLimits.TextLengthMax)),
            _ => throw WireReader.Unknown(name, hasData),
        });

    public virtual void Write(CborWriter writer) => writer.WriteTextString(Name);

    /// <summary>Welcome: the slave's number, and the index to fetch sources from.</summary>
    /// <param name="Apt">
    /// To slaves of this program alone, and so not null where the master is of this program: the Debian packages that its
    /// recipes ask about, to be answered with FACTS.
    /// </param>
    /// <param name="AsksTail">Whether the slave shall say in FACTS that it may be asked for what its builds print.</param>
    public sealed record Ack(int SlaveId, string PypiUrl, IReadOnlyList<string>? Apt = null, bool AsksTail = false)
        : SlaveReply
    {
        public override string Name => "ACK";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteStartArray(Apt is null ? 2 : 3);
            writer.WriteInt32(SlaveId);
            writer.WriteTextString(PypiUrl);
            if (Apt is not null) writer.WriteQuestions(Apt, AsksTail);
            writer.WriteEndArray();
            writer.WriteEndArray();
        }

        internal static Ack ReadData(WireReader reader)
        {
            reader.StartRecord("welcome");
            var ack = new Ack(reader.SlaveId(), reader.Text("index URL", WireLimits.LongTextLengthMax));
            if (!reader.AtEnd())
            {
                var (apt, tail) = RecipeStates.ReadQuestions(reader, "questions");
                ack = ack with { Apt = apt, AsksTail = tail };
            }

            reader.EndRecord("welcome");
            return ack;
        }
    }

    /// <summary>
    /// In place of an answer to IDLE, to slaves of this program alone: the recipes ask about other Debian packages by now.
    /// FACTS shall come, then IDLE again.
    /// </summary>
    public sealed record Ask(IReadOnlyList<string> Apt) : SlaveReply
    {
        public override string Name => "ASK";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteQuestions(Apt);
            writer.WriteEndArray();
        }
    }

    /// <summary>Nothing to build now; <paramref name="Paused"/> when that is somebody's wish.</summary>
    public sealed record Sleep(bool Paused) : SlaveReply
    {
        public override string Name => "SLEEP";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteBoolean(Paused);
            writer.WriteEndArray();
        }
    }

    /// <summary>Build this.</summary>
    /// <param name="Recipe">How, to slaves of this program alone; null: as any other release.</param>
    public sealed record Build(Release Release, Recipe? Recipe = null) : SlaveReply
    {
        public override string Name => "BUILD";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteStartArray(Recipe is null ? 2 : 3);
            writer.WriteTextString(Release.Package.Value);
            writer.WriteTextString(Release.Version);
            if (Recipe is not null) writer.Write(Recipe);
            writer.WriteEndArray();
            writer.WriteEndArray();
        }

        internal static Build ReadData(WireReader reader)
        {
            reader.StartRecord("release");
            var build = new Build(
                new Release(BuildStates.ReadPackage(reader), BuildStates.ReadVersion(reader)),
                reader.AtEnd() ? null : RecipeStates.ReadRecipe(reader));
            reader.EndRecord("release");
            return build;
        }
    }

    /// <summary>Go on building.</summary>
    public sealed record Cont : SlaveReply
    {
        public override string Name => "CONT";
    }

    /// <summary>
    /// In place of CONT after BUSY, while somebody follows the build, to slaves that have said that they may be asked: tell
    /// what the build has printed. PRINTED shall come at once, and BUSY again soon.
    /// </summary>
    /// <param name="Offset">How much is known already, in bytes.</param>
    /// <param name="Within">How soon after PRINTED the slave should say BUSY again.</param>
    public sealed record Tail(long Offset, TimeSpan Within) : SlaveReply
    {
        public override string Name => "TAIL";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteStartArray(2);
            writer.WriteInt64(Offset);
            writer.WriteDuration(Within);
            writer.WriteEndArray();
            writer.WriteEndArray();
        }

        internal static Tail ReadData(WireReader reader)
        {
            reader.StartRecord("tail");
            var tail = new Tail(reader.Integer("offset", 0, WireLimits.OutputOffsetMax), reader.Duration("within"));
            reader.EndRecord("tail");
            return tail;
        }
    }

    /// <summary>Drop the build and all its files.</summary>
    public sealed record Done : SlaveReply
    {
        public override string Name => "DONE";
    }

    /// <summary>End.</summary>
    public sealed record Die : SlaveReply
    {
        public override string Name => "DIE";
    }

    /// <summary>Send this file over the file queue.</summary>
    public sealed record Send(string Filename) : SlaveReply
    {
        public override string Name => "SEND";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteTextString(Filename);
            writer.WriteEndArray();
        }
    }
}
