using System.Formats.Cbor;
using Piwheels.Messaging.Cbor;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Messaging.Protocols;

/// <summary>
/// The queue beside the log queue, on which this farm's loggers tell the same in batches, and are answered when a batch is
/// recorded. Masters in Python do not have it.
/// </summary>
public static class HitsQueue
{
    /// <summary>Hits in one batch.</summary>
    public const int HitsMax = 2_000;

    /// <summary>The largest batch, in bytes; one hit takes about 300.</summary>
    public const int MessageBytesMax = 16 * 1024 * 1024;

    private const string Suffix = ".hits";
    private const string Scheme = "ipc://";

    /// <summary>
    /// The queue's address, which follows from the log queue's. Null where there is none: for TCP, which has no port for it,
    /// and where the path would be too long.
    /// </summary>
    public static string? AddressOf(string logQueue)
    {
        ArgumentNullException.ThrowIfNull(logQueue);
        return logQueue.StartsWith(Scheme, StringComparison.Ordinal) && logQueue != Scheme + "*"
            && IpcPath.Fits(logQueue + Suffix)
                ? logQueue + Suffix
                : null;
    }

    /// <summary>A batch as a payload.</summary>
    public static byte[] Encode(Guid request, IReadOnlyList<ReadOnlyMemory<byte>> entries)
    {
        var writer = new CborWriter(CborConformanceMode.Lax, initialCapacity: 1024 + entries.Sum(static entry => entry.Length + 3));
        new HitsRequest.Hits(request, entries).Write(writer);
        return writer.Encode();
    }
}

/// <summary>What loggers say on the hits queue.</summary>
public abstract record HitsRequest : IWireMessage<HitsRequest>
{
    private HitsRequest()
    {
    }

    public abstract string Name { get; }

    public static HitsRequest Read(ReadOnlyMemory<byte> payload) =>
        WireReader.ReadMessage<HitsRequest>(payload, static (reader, name, hasData) =>
            name == "HITS" && hasData ? ReadHits(reader) : throw WireReader.Unknown(name, hasData));

    public abstract void Write(CborWriter writer);

    private static Hits ReadHits(WireReader reader)
    {
        reader.StartRecord("hits");
        var request = reader.NullableUuid("request") ?? throw reader.Fail("request", "is missing");
        var entries = reader.List("entries", HitsQueue.HitsMax, static entry => entry.Bytes("entry"));
        reader.EndRecord("hits");
        return new Hits(request, entries);
    }

    /// <summary>A batch of hits.</summary>
    /// <param name="Request">Its number: what was recorded by it once is not again.</param>
    /// <param name="Entries">
    /// Each a message of the log queue; views of the payload. Each stands for itself: one that is none keeps no other back.
    /// </param>
    public sealed record Hits(Guid Request, IReadOnlyList<ReadOnlyMemory<byte>> Entries) : HitsRequest
    {
        public override string Name => "HITS";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteStartArray(2);
            writer.WriteNullableUuid(Request);
            writer.WriteList(Entries, static (w, entry) => w.WriteByteString(entry.Span));
            writer.WriteEndArray();
            writer.WriteEndArray();
        }
    }
}

/// <summary>What the master answers on the hits queue.</summary>
public abstract record HitsReply : IWireMessage<HitsReply>
{
    private HitsReply()
    {
    }

    public abstract string Name { get; }

    public static HitsReply Read(ReadOnlyMemory<byte> payload) =>
        WireReader.ReadMessage<HitsReply>(payload, static (reader, name, hasData) =>
            name == "DONE" && hasData ? ReadDone(reader) : throw WireReader.Unknown(name, hasData));

    public abstract void Write(CborWriter writer);

    private static Done ReadDone(WireReader reader)
    {
        reader.StartRecord("done");
        var request = reader.NullableUuid("request") ?? throw reader.Fail("request", "is missing");
        var leftOut = (int)reader.Integer("left out", 0, HitsQueue.HitsMax);
        reader.EndRecord("done");
        return new Done(request, leftOut);
    }

    /// <summary>The batch is recorded, and need not be sent again.</summary>
    /// <param name="LeftOut">Hits of it that cannot be recorded, now or ever.</param>
    public sealed record Done(Guid Request, int LeftOut) : HitsReply
    {
        public override string Name => "DONE";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteStartArray(2);
            writer.WriteNullableUuid(Request);
            writer.WriteInt32(LeftOut);
            writer.WriteEndArray();
            writer.WriteEndArray();
        }
    }
}
