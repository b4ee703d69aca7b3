using System.Formats.Cbor;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Cbor;

namespace Piwheels.Messaging.Protocols;

/// <summary>What TheArchitect tells SlaveDriver; nothing is answered.</summary>
public abstract record BuildQueueMessage : IWireMessage<BuildQueueMessage>
{
    private BuildQueueMessage()
    {
    }

    public abstract string Name { get; }

    public static BuildQueueMessage Read(ReadOnlyMemory<byte> payload) =>
        WireReader.ReadMessage<BuildQueueMessage>(payload, static (reader, name, hasData) => (name, hasData) switch
        {
            ("QUEUE", true) => new Queue(QueueRows.Read(reader)),
            _ => throw WireReader.Unknown(name, hasData),
        });

    public abstract void Write(CborWriter writer);

    /// <summary>What is to be built for each active target, in order; it replaces what was told before.</summary>
    public sealed record Queue(IReadOnlyDictionary<Target, IReadOnlyList<Release>> Releases) : BuildQueueMessage
    {
        public override string Name => "QUEUE";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            QueueRows.Write(writer, Releases);
            writer.WriteEndArray();
        }
    }
}
