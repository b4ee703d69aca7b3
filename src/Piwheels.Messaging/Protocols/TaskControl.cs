using System.Formats.Cbor;
using Piwheels.Messaging.Cbor;

namespace Piwheels.Messaging.Protocols;

/// <summary>What a task is told by the program that runs it.</summary>
public abstract record TaskControl : IWireMessage<TaskControl>
{
    private TaskControl()
    {
    }

    public abstract string Name { get; }

    public static TaskControl Read(ReadOnlyMemory<byte> payload) =>
        WireReader.ReadMessage<TaskControl>(payload, static (_, name, hasData) => (name, hasData) switch
        {
            ("PAUSE", false) => new Pause(),
            ("RESUME", false) => new Resume(),
            ("QUIT", false) => new Quit(),
            _ => throw WireReader.Unknown(name, hasData),
        });

    public void Write(CborWriter writer) => writer.WriteTextString(Name);

    /// <summary>Take no new work.</summary>
    public sealed record Pause : TaskControl
    {
        public override string Name => "PAUSE";
    }

    /// <summary>Take work again.</summary>
    public sealed record Resume : TaskControl
    {
        public override string Name => "RESUME";
    }

    /// <summary>Drain, and end.</summary>
    public sealed record Quit : TaskControl
    {
        public override string Name => "QUIT";
    }
}
