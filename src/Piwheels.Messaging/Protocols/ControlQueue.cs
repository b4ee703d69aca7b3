using System.Formats.Cbor;
using Piwheels.Messaging.Cbor;

namespace Piwheels.Messaging.Protocols;

/// <summary>What monitors tell the master to do; nothing is answered.</summary>
public abstract record ControlMessage : IWireMessage<ControlMessage>
{
    private ControlMessage()
    {
    }

    public abstract string Name { get; }

    public static ControlMessage Read(ReadOnlyMemory<byte> payload) =>
        WireReader.ReadMessage<ControlMessage>(payload, static (reader, name, hasData) => (name, hasData) switch
        {
            ("HELLO", false) => new Hello(),
            ("QUIT", false) => new Quit(),
            ("KILL", true) => new Kill(ReadSlaveId(reader)),
            ("SLEEP", true) => new Sleep(ReadSlaveId(reader)),
            ("SKIP", true) => new Skip(ReadSlaveId(reader)),
            ("WAKE", true) => new Wake(ReadSlaveId(reader)),
            _ => throw WireReader.Unknown(name, hasData),
        });

    public abstract void Write(CborWriter writer);

    private static int? ReadSlaveId(WireReader reader) => reader.TryNull() ? null : reader.SlaveId();

    /// <summary>A monitor came: it is to be sent everything known.</summary>
    public sealed record Hello : ControlMessage
    {
        public override string Name => "HELLO";

        public override void Write(CborWriter writer) => writer.WriteTextString(Name);
    }

    /// <summary>The master shall stop.</summary>
    public sealed record Quit : ControlMessage
    {
        public override string Name => "QUIT";

        public override void Write(CborWriter writer) => writer.WriteTextString(Name);
    }

    /// <summary>A slave shall end, once it is idle; null: all slaves.</summary>
    public sealed record Kill(int? SlaveId) : ControlMessage
    {
        public override string Name => "KILL";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteNullableInteger(SlaveId);
            writer.WriteEndArray();
        }
    }

    /// <summary>A slave shall get nothing to build; null: all slaves, and the master's tasks pause.</summary>
    public sealed record Sleep(int? SlaveId) : ControlMessage
    {
        public override string Name => "SLEEP";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteNullableInteger(SlaveId);
            writer.WriteEndArray();
        }
    }

    /// <summary>A slave shall drop what it builds; null: all slaves.</summary>
    public sealed record Skip(int? SlaveId) : ControlMessage
    {
        public override string Name => "SKIP";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteNullableInteger(SlaveId);
            writer.WriteEndArray();
        }
    }

    /// <summary>The opposite of <see cref="Sleep"/>.</summary>
    public sealed record Wake(int? SlaveId) : ControlMessage
    {
        public override string Name => "WAKE";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteNullableInteger(SlaveId);
            writer.WriteEndArray();
        }
    }
}
