using System.Formats.Cbor;
using Piwheels.Core.States;
using Piwheels.Logger.Reading;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Logger.Delivery;

/// <summary>Hits that the master is told of together, and up to where they go in the logs.</summary>
internal sealed class HitBatch(Guid request, DateTimeOffset began)
{
    /// <summary>Hits in one.</summary>
    public const int HitsMax = 1_000;

    /// <summary>Bytes in one, about: what is larger would be read by the master beside others, and out of turn.</summary>
    public const int BytesMax = 512 * 1024;

    private readonly List<ReadOnlyMemory<byte>> _entries = [];
    private long _bytes;

    public Guid Request => request;

    /// <summary>When its first line was read.</summary>
    public DateTimeOffset Began => began;

    /// <summary>Each a message of the log queue.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Entries => _entries;

    public Dictionary<LogPlace, long> Ends { get; } = [];

    public bool IsFull => _entries.Count >= HitsMax || _bytes >= BytesMax;

    /// <summary>Whether the master has it, or never will.</summary>
    public bool IsDone { get; set; }

    public void Add(AccessState access, CborWriter writer)
    {
        writer.Reset();
        LogEntry.Of(access).Write(writer);
        var entry = writer.Encode();
        _entries.Add(entry);
        _bytes += entry.Length;
    }
}
