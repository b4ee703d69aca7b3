using Piwheels.Core.AccessLog;
using Piwheels.Core.Database;
using Piwheels.Core.States;

namespace Piwheels.Master.AccessLog;

/// <summary>Accesses that are recorded at once: of one kind, or a batch that a logger sent, or a part of such.</summary>
/// <param name="Request">Its number, kept over all attempts: what was recorded once is not again.</param>
/// <param name="Owed">The batch whose logger waits to hear that it is recorded; null where nobody does.</param>
public sealed record AccessBatch(Guid Request, IReadOnlyList<AccessState> Accesses, OwedAnswer? Owed = null);

/// <summary>
/// Accesses on their way to the database: in batches of one kind, since the database takes one statement for each
/// kind, and what failed must not be tried again together with what did not.
/// </summary>
public sealed class AccessBuffer(TimeProvider time)
{
    /// <summary>Accesses written at a time.</summary>
    public const int BatchMax = 1_000;

    /// <summary>Accesses kept while the database is away; some 50 MB.</summary>
    public const int KeptMax = 100_000;

    private readonly LinkedList<AccessBatch> _waiting = new();
    private readonly Dictionary<Type, List<AccessState>> _open = [];

    /// <summary>Accesses that wait, those of a batch under way left out.</summary>
    public int Count { get; private set; }

    /// <summary>No more is kept.</summary>
    public bool IsFull => Count >= KeptMax;

    /// <summary>A whole batch is there.</summary>
    public bool HasBatch => _waiting.Count > 0;

    /// <summary>Those of them that nobody would send again.</summary>
    public int CountWithoutOwner => _waiting.Where(batch => batch.Owed is null).Sum(batch => batch.Accesses.Count)
        + _open.Values.Sum(open => open.Count);

    /// <summary>Why an access cannot be recorded; null when it can.</summary>
    public string? FaultOf(AccessState access)
    {
        if (!HostAddress.TryParse(access.Host, out _)) return "its address is none";
        return AccessTime.IsPlausible(access.Timestamp, time.GetUtcNow()) ? null : "its date cannot be";
    }

    /// <summary>Adds a logger's batch, of accesses that can be recorded. It is taken in whatever is kept already.</summary>
    public void Add(AccessBatch batch)
    {
        _waiting.AddLast(batch);
        Count += batch.Accesses.Count;
    }

    /// <summary>Adds an access.</summary>
    /// <returns>Why it is dropped; null when it is kept.</returns>
    public string? Add(AccessState access)
    {
        if (FaultOf(access) is { } fault) return fault;
        if (IsFull) return $"{KeptMax} accesses wait for the database";
        if (!_open.TryGetValue(access.GetType(), out var batch)) _open.Add(access.GetType(), batch = []);
        batch.Add(access);
        Count++;
        if (batch.Count == BatchMax) Close(access.GetType());
        return null;
    }

    /// <summary>Takes a batch out, an incomplete one if there is no other; null when nothing waits.</summary>
    public AccessBatch? Take()
    {
        if (_waiting.Count == 0 && _open.Count > 0) Close(_open.Keys.First());
        if (_waiting.First is not { } first) return null;
        _waiting.RemoveFirst();
        Count -= first.Value.Accesses.Count;
        return first.Value;
    }

    /// <summary>Puts a batch back that could not be written now.</summary>
    public void PutBack(AccessBatch batch)
    {
        _waiting.AddFirst(batch);
        Count += batch.Accesses.Count;
    }

    /// <summary>
    /// Puts a batch back that the database refused, in halves, so that in the end what it refuses is alone.
    /// </summary>
    /// <returns>False when it was a single access already: then it is dropped.</returns>
    public bool PutBackHalved(AccessBatch batch)
    {
        var accesses = batch.Accesses;
        if (accesses.Count < 2) return false;
        // Numbered by the whole: should it come again, after a restart, then the same halves are recorded no second time
        PutBack(new(RequestNumber.Part(batch.Request, 2), [.. accesses.Skip(accesses.Count / 2)], batch.Owed?.OfTwo()));
        PutBack(new(RequestNumber.Part(batch.Request, 1), [.. accesses.Take(accesses.Count / 2)], batch.Owed));
        return true;
    }

    private void Close(Type kind)
    {
        _open.Remove(kind, out var batch);
        _waiting.AddLast(New(batch!));
    }

    private AccessBatch New(IReadOnlyList<AccessState> accesses) => new(RequestNumber.Next(time), accesses);
}
