using System.Formats.Cbor;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Cbor;

namespace Piwheels.Messaging.Protocols;

/// <summary>Whether the output of a build that runs can be followed.</summary>
public enum LiveReach
{
    /// <summary>Its slave is asked for it.</summary>
    Followed,

    /// <summary>Its slave does not tell it.</summary>
    Mute,

    /// <summary>It could be, but too many others are followed.</summary>
    Full,
}

/// <summary>A build that runs.</summary>
/// <param name="Label">Its slave's.</param>
/// <param name="Reach">Whether it can be followed; <see cref="LiveReach.Full"/> is said to who asks alone.</param>
public sealed record LiveBuild(LiveTopic Topic, string Label, DateTimeOffset Since, LiveReach Reach);

/// <summary>
/// What the master tells those who follow a build, or the list of all, on the live queue: an XPUB, whose subscriptions say
/// what is followed. A message is two frames, of which the first is the topic (<see cref="LiveTopic"/>).
/// </summary>
public abstract record LiveMessage : IWireMessage<LiveMessage>
{
    /// <summary>The most builds that a list names.</summary>
    public const int BuildsMax = 500;

    private LiveMessage()
    {
    }

    public abstract string Name { get; }

    public static LiveMessage Read(ReadOnlyMemory<byte> payload) =>
        WireReader.ReadMessage<LiveMessage>(payload, static (reader, name, hasData) => (name, hasData) switch
        {
            ("RUNNING", true) => Running.ReadData(reader),
            ("KEPT", true) => new Kept(reader.List("pieces", OutputTail.PiecesMax, LiveRows.ReadPiece)),
            ("PRINTED", true) => new Printed(LiveRows.ReadPiece(reader)),
            ("ENDED", true) => Ended.ReadData(reader),
            ("BUILDS", true) => Builds.ReadData(reader),
            _ => throw WireReader.Unknown(name, hasData),
        });

    public abstract void Write(CborWriter writer);

    /// <summary>The build runs. Said to who comes, and every now and then.</summary>
    /// <param name="Label">Its slave's.</param>
    public sealed record Running(string Label, DateTimeOffset Since, LiveReach Reach) : LiveMessage
    {
        public override string Name => "RUNNING";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteStartArray(3);
            writer.WriteTextString(Label);
            writer.WriteTimestamp(Since);
            LiveRows.Write(writer, Reach);
            writer.WriteEndArray();
            writer.WriteEndArray();
        }

        internal static Running ReadData(WireReader reader)
        {
            reader.StartRecord("build");
            var running = new Running(
                reader.Text("label", WireLimits.TextLengthMax), reader.Timestamp("since"), LiveRows.ReadReach(reader));
            reader.EndRecord("build");
            return running;
        }
    }

    /// <summary>All of what it printed that is kept; in place of what was told before. Said to who comes.</summary>
    public sealed record Kept(IReadOnlyList<OutputPiece> Pieces) : LiveMessage
    {
        public override string Name => "KEPT";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteList(Pieces, LiveRows.Write);
            writer.WriteEndArray();
        }
    }

    /// <summary>What it has printed since.</summary>
    public sealed record Printed(OutputPiece Piece) : LiveMessage
    {
        public override string Name => "PRINTED";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            LiveRows.Write(writer, Piece);
            writer.WriteEndArray();
        }
    }

    /// <summary>It does not run, or not any more.</summary>
    /// <param name="BuildId">Its number in the database; null where it was not recorded, or did not run.</param>
    /// <param name="Status">Whether it made wheels.</param>
    public sealed record Ended(long? BuildId, bool Status) : LiveMessage
    {
        public override string Name => "ENDED";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteStartArray(2);
            writer.WriteNullableInteger(BuildId);
            writer.WriteBoolean(Status);
            writer.WriteEndArray();
            writer.WriteEndArray();
        }

        internal static Ended ReadData(WireReader reader)
        {
            reader.StartRecord("end");
            var ended = new Ended(reader.TryNull() ? null : reader.Size("build"), reader.Boolean("status"));
            reader.EndRecord("end");
            return ended;
        }
    }

    /// <summary>What runs now, the newest first. Told to those who follow <see cref="LiveTopic.All"/>.</summary>
    /// <param name="Count">How many there are; more than the list may have.</param>
    public sealed record Builds(long Count, IReadOnlyList<LiveBuild> First) : LiveMessage
    {
        public override string Name => "BUILDS";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteStartArray(2);
            writer.WriteInt64(Count);
            writer.WriteList(First, LiveRows.Write);
            writer.WriteEndArray();
            writer.WriteEndArray();
        }

        internal static Builds ReadData(WireReader reader)
        {
            reader.StartRecord("builds");
            var builds = new Builds(reader.Size("count"), reader.List("builds", BuildsMax, LiveRows.ReadBuild));
            reader.EndRecord("builds");
            return builds;
        }
    }
}
