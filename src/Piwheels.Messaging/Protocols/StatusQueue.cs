using System.Formats.Cbor;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Cbor;

namespace Piwheels.Messaging.Protocols;

/// <summary>What the master tells all monitors; nothing is answered.</summary>
public abstract record StatusMessage : IWireMessage<StatusMessage>
{
    private StatusMessage()
    {
    }

    public abstract string Name { get; }

    public static StatusMessage Read(ReadOnlyMemory<byte> payload) =>
        WireReader.ReadMessage<StatusMessage>(payload, static (reader, name, hasData) => (name, hasData) switch
        {
            ("HELLO", true) => new Hello(MachineStates.ReadMasterHello(reader)),
            ("STATS", true) => new Stats(MachineStates.ReadMasterStats(reader)),
            ("SLAVE", true) => Slave.ReadData(reader),
            _ => throw WireReader.Unknown(name, hasData),
        });

    public abstract void Write(CborWriter writer);

    /// <summary>The master introduces itself.</summary>
    public sealed record Hello(MasterHello Master) : StatusMessage
    {
        public override string Name => "HELLO";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.Write(Master);
            writer.WriteEndArray();
        }
    }

    /// <summary>The farm's figures.</summary>
    public sealed record Stats(MasterStats Figures) : StatusMessage
    {
        public override string Name => "STATS";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.Write(Figures);
            writer.WriteEndArray();
        }
    }

    /// <summary>What a slave said or was told, and when.</summary>
    public sealed record Slave(int SlaveId, DateTimeOffset Timestamp, SlaveEvent Event) : StatusMessage
    {
        public override string Name => "SLAVE";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteStartArray(4);
            writer.WriteInt32(SlaveId);
            writer.WriteTimestamp(Timestamp);
            writer.WriteTextString(Event.Name);
            Event.WriteData(writer);
            writer.WriteEndArray();
            writer.WriteEndArray();
        }

        internal static Slave ReadData(WireReader reader)
        {
            reader.StartRecord("slave");
            var id = reader.SlaveId();
            var timestamp = reader.Timestamp("timestamp");
            var name = reader.Text("message", WireLimits.NameLengthMax);
            var slave = new Slave(id, timestamp, SlaveEvent.ReadData(reader, name));
            reader.EndRecord("slave");
            return slave;
        }
    }
}

/// <summary>What monitors hear of one slave: its introduction, its figures, or the master's last answer.</summary>
public abstract record SlaveEvent
{
    private SlaveEvent()
    {
    }

    public abstract string Name { get; }

    /// <summary>What to tell of an answer; null for ACK, CONT, TAIL and ASK, which monitors are not told.</summary>
    public static SlaveEvent? Of(SlaveReply reply) => reply switch
    {
        SlaveReply.Sleep sleep => new Sleep(sleep.Paused),
        SlaveReply.Build build => new Build(build.Release),
        SlaveReply.Send send => new Send(send.Filename),
        SlaveReply.Done => new Done(),
        SlaveReply.Die => new Die(),
        _ => null,
    };

    internal static SlaveEvent ReadData(WireReader reader, string name) => name switch
    {
        "HELLO" => new Hello(MachineStates.ReadSlaveHello(reader)),
        "STATS" => new Stats(MachineStates.ReadSlaveStats(reader)),
        "SLEEP" => new Sleep(reader.Boolean("paused")),
        "BUILD" => new Build(BuildStates.ReadRelease(reader)),
        "SEND" => new Send(reader.Text("file name", WireLimits.TextLengthMax)),
        "DONE" when reader.TryNull() => new Done(),
        "DIE" when reader.TryNull() => new Die(),
        _ => throw reader.Fail("message", "not one that monitors are told, or with other data"),
    };

    internal abstract void WriteData(CborWriter writer);

    /// <summary>A slave came.</summary>
    public sealed record Hello(SlaveHello Slave) : SlaveEvent
    {
        public override string Name => "HELLO";

        internal override void WriteData(CborWriter writer) => writer.Write(Slave);
    }

    /// <summary>Its machine's figures.</summary>
    public sealed record Stats(SlaveStats Figures) : SlaveEvent
    {
        public override string Name => "STATS";

        internal override void WriteData(CborWriter writer) => writer.Write(Figures);
    }

    /// <summary>It has nothing to build; <paramref name="Paused"/> when that is somebody's wish.</summary>
    public sealed record Sleep(bool Paused) : SlaveEvent
    {
        public override string Name => "SLEEP";

        internal override void WriteData(CborWriter writer) => writer.WriteBoolean(Paused);
    }

    /// <summary>It was given something to build.</summary>
    public sealed record Build(Release Release) : SlaveEvent
    {
        public override string Name => "BUILD";

        internal override void WriteData(CborWriter writer) => writer.Write(Release);
    }

    /// <summary>It was asked for a file.</summary>
    public sealed record Send(string Filename) : SlaveEvent
    {
        public override string Name => "SEND";

        internal override void WriteData(CborWriter writer) => writer.WriteTextString(Filename);
    }

    /// <summary>Its build is over, or dropped.</summary>
    public sealed record Done : SlaveEvent
    {
        public override string Name => "DONE";

        internal override void WriteData(CborWriter writer) => writer.WriteNoData();
    }

    /// <summary>It was told to end, said that it does, or was not heard of for too long.</summary>
    public sealed record Die : SlaveEvent
    {
        public override string Name => "DIE";

        internal override void WriteData(CborWriter writer) => writer.WriteNoData();
    }
}
