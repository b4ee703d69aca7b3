using Piwheels.Core.AccessLog;
using Piwheels.Core.Database;
using Piwheels.Core.States;

namespace Piwheels.Master.AccessLog;

/// <summary>Accesses of one kind that are recorded at once.</summary>
/// <param name="Request">Its number, kept over all attempts: what was recorded once is not again.</param>
public sealed record AccessBatch(Guid Request, IReadOnlyList<AccessState> Accesses);

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

    /// <summary>Adds an access.</summary>
    /// <returns>Why it is dropped; null when it is kept.</returns>
    public string? Add(AccessState access)
    {
        if (!HostAddress.TryParse(access.Host, out _)) return "its address is none";
        if (!AccessTime.IsPlausible(access.Timestamp, time.GetUtcNow())) return "its date cannot be";
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
        PutBack(New([.. accesses.Skip(accesses.Count / 2)]));
        PutBack(New([.. accesses.Take(accesses.Count / 2)]));
        return true;
    }

    private void Close(Type kind)
    {
        _open.Remove(kind, out var batch);
        _waiting.AddLast(New(batch!));
    }

    private AccessBatch New(IReadOnlyList<AccessState> accesses) => new(RequestNumber.Next(time), accesses);
}
