using System.Formats.Cbor;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Cbor;

namespace Piwheels.Messaging.Protocols;

/// <summary>What the master's tasks tell BigBrother; nothing is answered.</summary>
public abstract record StatsMessage : IWireMessage<StatsMessage>
{
    private StatsMessage()
    {
    }

    public abstract string Name { get; }

    public static StatsMessage Read(ReadOnlyMemory<byte> payload) =>
        WireReader.ReadMessage<StatsMessage>(payload, static (reader, name, hasData) => (name, hasData) switch
        {
            ("STATFS", true) => Disk.ReadData(reader),
            ("STATBQ", true) => new BuildQueue(QueueRows.ReadLengths(reader)),
            _ => throw WireReader.Unknown(name, hasData),
        });

    public abstract void Write(CborWriter writer);

    /// <summary>The file system of the output folder, in bytes.</summary>
    public sealed record Disk(long Size, long Free) : StatsMessage
    {
        public override string Name => "STATFS";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteStartArray(2);
            writer.WriteInt64(Size);
            writer.WriteInt64(Free);
            writer.WriteEndArray();
            writer.WriteEndArray();
        }

        internal static Disk ReadData(WireReader reader)
        {
            reader.StartRecord("disk");
            var disk = new Disk(reader.Size("size"), reader.Size("free"));
            reader.EndRecord("disk");
            return disk;
        }
    }

    /// <summary>How many releases wait for each active target.</summary>
    public sealed record BuildQueue(IReadOnlyDictionary<Target, long> Lengths) : StatsMessage
    {
        public override string Name => "STATBQ";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            QueueRows.WriteLengths(writer, Lengths);
            writer.WriteEndArray();
        }
    }
}
