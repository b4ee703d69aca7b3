using Piwheels.Core.Packaging;
using Piwheels.Core.Ranges;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Master.Transfers;

/// <summary>What a message of a sender calls for.</summary>
internal abstract record TransferStep
{
    private TransferStep()
    {
    }

    /// <summary>Ask for these ranges.</summary>
    public sealed record Fetch(IReadOnlyList<ByteRange> Ranges) : TransferStep;

    /// <summary>Write the bytes to their place, then ask for more, or say DONE where these were the last.</summary>
    public sealed record Store(IncomingFile Incoming, FileRequest.Chunk Chunk) : TransferStep;

    /// <summary>Say DONE: every byte is there.</summary>
    public sealed record Complete : TransferStep;

    /// <summary>Nothing is to be done.</summary>
    public sealed record Ignore(string Reason) : TransferStep;
}

/// <summary>Which files are expected from whom, who is sending them, and within which limits.</summary>
/// <param name="dropped">Called for each transfer that ends without its file having been taken.</param>
internal sealed class TransferTable(Action<IncomingFile> dropped)
{
    /// <summary>The most files expected at a time: one of each slave, and those of imports.</summary>
    public const int ExpectedMax = 25_000;

    /// <summary>The most senders at a time, each with an open file; others come to their turn with a later HELLO.</summary>
    public const int SendersMax = 10_000;

    /// <summary>
    /// The most senders of one expected file: its own, after a broken connection again, and strangers.
    /// </summary>
    public const int SendersPerFileMax = 4;

    /// <summary>Of these, the most that come from elsewhere than the owner.</summary>
    public const int StrangersPerFileMax = 2;

    /// <summary>
    /// A sender that came this long ago gives way to another of the same file, if it is the slowest of them: those who
    /// creep, or send nothing, cannot keep the owner out. Where the farm is full, one that has been of no use for this long
    /// gives way to anybody.
    /// </summary>
    public static readonly TimeSpan GiveWayAfter = TimeSpan.FromSeconds(10);

    /// <summary>A sender that has been of no use for this long is dropped, with what it has sent.</summary>
    public static readonly TimeSpan SenderIdleMax = TimeSpan.FromMinutes(5);

    /// <summary>The longest time that one sender may take, however busy it is.</summary>
    public static readonly TimeSpan SenderTimeMax = TimeSpan.FromHours(12);

    /// <summary>A file that nobody sends is forgotten after this: its slave's session ends before.</summary>
    public static readonly TimeSpan ExpectedIdleMax = TimeSpan.FromHours(25);

    /// <summary>
    /// HELLOs of one sender that come faster than this have no effect: each asks for ten ranges anew.
    /// </summary>
    public static readonly TimeSpan HelloIntervalMin = TimeSpan.FromSeconds(1);

    /// <summary>How long the sender of an import may take to come before another import may be meant.</summary>
    public static readonly TimeSpan ImportComesWithin = TimeSpan.FromSeconds(10);

    /// <summary>How often all senders are searched for one of no use.</summary>
    private static readonly TimeSpan SearchInterval = TimeSpan.FromSeconds(1);

    private readonly Dictionary<TransferOwner, ExpectedFile> _expected = [];
    private readonly Dictionary<PeerAddress, IncomingFile> _senders = [];
    private readonly List<ExpectedFile> _imports = [];
    private DateTimeOffset _searchFrom = DateTimeOffset.MinValue;

    public int SendersCount => _senders.Count;

    public int ExpectedCount => _expected.Count;

    /// <summary>Bytes that are still to come of all that is expected.</summary>
    public long BytesDue => _expected.Values.Sum(static expected => expected.BytesDue);

    /// <summary>Whether an import's sender is due at the moment, so that another one could be taken for it.</summary>
    public bool ImportIsDue(DateTimeOffset now) => _imports.Exists(expected => IsDueImport(expected, now));

    /// <summary>
    /// Notes that an owner will send a file; answers why not, or null. What was expected of it before is forgotten.
    /// </summary>
    /// <param name="key">The public key that it comes by, as Z85 text; null: by none.</param>
    public string? Expect(
        TransferOwner owner, FileState file, DateTimeOffset now, string origin = "", string? key = null)
    {
        Forget(owner);
        if (!WheelFileName.TryParse(file.Filename, out _)) return "this is not the name of a wheel";
        if (file.FileSize <= 0) return $"a wheel cannot have {file.FileSize} bytes";
        if (_expected.Count >= ExpectedMax) return $"{ExpectedMax} files are expected already";
        var expected = new ExpectedFile(owner, file, origin, now, key);
        _expected.Add(owner, expected);
        if (owner.IsImport) _imports.Add(expected);
        return null;
    }

    public ExpectedFile? Find(TransferOwner owner) => _expected.GetValueOrDefault(owner);

    /// <summary>Whether the file is still expected, and not again or another one.</summary>
    public bool IsCurrent(ExpectedFile expected) => ReferenceEquals(Find(expected.Owner), expected);

    /// <summary>
    /// Nothing more is expected of an owner; its transfers are dropped, unless they are being verified: then
    /// <see cref="End"/> drops them.
    /// </summary>
    public void Forget(TransferOwner owner)
    {
        if (Remove(owner) is { Verifying: false } expected) Release(expected);
    }

    /// <summary>The verification of a file has ended, well or not: it is expected no more.</summary>
    public void End(ExpectedFile expected)
    {
        expected.Verifying = false;
        if (IsCurrent(expected)) Remove(expected.Owner);
        Release(expected);
    }

    /// <summary>Nothing more is expected of those whose key does not count any more.</summary>
    public void ForgetKeys(Predicate<string> isRevoked)
    {
        var revoked = _expected.Values.Where(expected => expected.Key is not null && isRevoked(expected.Key));
        foreach (var expected in revoked.ToList()) Forget(expected.Owner);
    }

    /// <summary>Drops everything.</summary>
    public void Clear()
    {
        foreach (var owner in _expected.Keys.ToList()) Forget(owner);
    }

    /// <summary>Drops one sender's transfer; its file is still expected.</summary>
    public void Drop(IncomingFile incoming)
    {
        if (incoming.Expected.Incoming.Remove(incoming)) Release(incoming);
    }

    /// <summary>Takes a message of a sender.</summary>
    public TransferStep Receive(PeerAddress sender, FileRequest request, DateTimeOffset now) => request switch
    {
        FileRequest.Hello hello => Hello(sender, hello.SlaveId, now),
        FileRequest.Chunk chunk => Chunk(sender, chunk, now),
        _ => new TransferStep.Ignore("no message of a sender"),
    };

    /// <summary>Drops the transfers and forgets the files that have come to nothing.</summary>
    public void Expire(DateTimeOffset now)
    {
        var idle = _senders.Values.Where(incoming =>
            !incoming.Expected.Verifying
            && !incoming.State.Done
            && (now - incoming.LastUseful > SenderIdleMax || now - incoming.StartedAt > SenderTimeMax));
        foreach (var incoming in idle.ToList()) Drop(incoming);
        var forgotten = _expected.Values.Where(
            expected => !expected.Verifying && now - expected.LastActivity > ExpectedIdleMax);
        foreach (var expected in forgotten.ToList()) Forget(expected.Owner);
    }

    private TransferStep Hello(PeerAddress sender, int slaveId, DateTimeOffset now)
    {
        var known = _senders.GetValueOrDefault(sender);
        if (known is not null && IsFor(known.Expected, slaveId)) return HelloAgain(known, now);
        var expected = slaveId == 0 ? ImportToCome(now) : _expected.GetValueOrDefault(TransferOwner.Slave(slaveId));
        if (expected is null) return new TransferStep.Ignore($"HELLO of {slaveId}, of whom no file is expected");
        if (expected.Key != sender.Key) return new TransferStep.Ignore($"HELLO of {slaveId}, with a key that is not its own");
        if (expected.Verifying) return new TransferStep.Ignore($"HELLO while the file of {expected.Owner} is verified");
        if (expected.Complete) return new TransferStep.Ignore($"HELLO for the file of {expected.Owner}, which is there");
        if (known is not null) Drop(known);
        return MakeRoom(sender, expected, now)
            ? Begin(sender, expected, now)
            : new TransferStep.Ignore($"HELLO of too many senders for {expected.Owner}");
    }

    private TransferStep.Fetch Begin(PeerAddress sender, ExpectedFile expected, DateTimeOffset now)
    {
        var incoming = new IncomingFile(sender, expected, now);
        expected.Incoming.Add(incoming);
        expected.Taken = true;
        _senders.Add(sender, incoming);
        return new TransferStep.Fetch(incoming.State.Fetch());
    }

    private static TransferStep HelloAgain(IncomingFile incoming, DateTimeOffset now)
    {
        // Its DONE was lost
        if (incoming.State.Done) return new TransferStep.Complete();
        if (incoming.Expected.Verifying) return new TransferStep.Ignore("HELLO while its file is verified");
        if (now - incoming.LastHello < HelloIntervalMin) return new TransferStep.Ignore("HELLO again too soon");
        incoming.LastHello = now;
        return new TransferStep.Fetch(incoming.State.Restart());
    }

    private TransferStep Chunk(PeerAddress sender, FileRequest.Chunk chunk, DateTimeOffset now)
    {
        // The leftover of an earlier transfer
        if (!_senders.TryGetValue(sender, out var incoming)) return new TransferStep.Ignore("CHUNK before HELLO");
        if (incoming.Expected.Verifying) return new TransferStep.Ignore("CHUNK while its file is verified");
        if (incoming.State.Receive(chunk.Offset, chunk.Data.Length) is ChunkOutcome.Ignored(var reason))
        {
            return new TransferStep.Ignore($"CHUNK of {chunk.Data.Length} bytes at {chunk.Offset}: {reason}");
        }

        incoming.LastUseful = now;
        incoming.Expected.LastActivity = now;
        return new TransferStep.Store(incoming, chunk);
    }

    /// <summary>
    /// The import that a sender comes for. It does not say which, but only one is due at a time: the oldest that was
    /// asked for shortly. Failing that the latest whose sender is late, or seems to have lost its connection.
    /// </summary>
    private ExpectedFile? ImportToCome(DateTimeOffset now)
    {
        return _imports.Where(expected => IsDueImport(expected, now)).MinBy(static expected => expected.ExpectedAt)
            ?? _imports.Where(static expected => !expected.Taken).MaxBy(static expected => expected.ExpectedAt)
            ?? _imports
                .Where(expected => expected.Incoming.TrueForAll(incoming => now - incoming.LastUseful > GiveWayAfter))
                .MaxBy(static expected => expected.LastActivity);
    }

    private static bool IsDueImport(ExpectedFile expected, DateTimeOffset now) =>
        expected.Owner.IsImport && !expected.Taken && now - expected.ExpectedAt < ImportComesWithin;

    private bool MakeRoom(PeerAddress sender, ExpectedFile expected, DateTimeOffset now)
    {
        if (WhoMayGiveWay(sender, expected, now) is not { } others) return true;
        if (others.Where(static incoming => !incoming.Expected.Verifying && !incoming.State.Done)
            .MinBy(incoming => incoming.Rate(now)) is not { } slowest)
        {
            return false;
        }

        Drop(slowest);
        return true;
    }

    /// <summary>Those of whom one has to go for a new sender; null where there is room.</summary>
    private IEnumerable<IncomingFile>? WhoMayGiveWay(PeerAddress sender, ExpectedFile expected, DateTimeOffset now)
    {
        var strangers = expected.Incoming.Where(incoming => !expected.IsOwn(incoming.Sender)).ToList();
        if (!expected.IsOwn(sender) && strangers.Count >= StrangersPerFileMax)
            return strangers.Where(incoming => now - incoming.StartedAt > GiveWayAfter);
        if (expected.Incoming.Count >= SendersPerFileMax)
        {
            return expected.IsOwn(sender) && strangers.Count > 0
                ? strangers
                : expected.Incoming.Where(incoming => now - incoming.StartedAt > GiveWayAfter);
        }

        if (_senders.Count < SendersMax) return null;
        if (now < _searchFrom) return [];
        var useless = _senders.Values.Where(incoming => now - incoming.LastUseful > GiveWayAfter).ToList();
        if (useless.Count == 0) _searchFrom = now + SearchInterval;
        return useless;
    }

    private static bool IsFor(ExpectedFile expected, int slaveId) =>
        slaveId == 0 ? expected.Owner.IsImport : expected.Owner.Number == slaveId;

    private ExpectedFile? Remove(TransferOwner owner)
    {
        if (!_expected.Remove(owner, out var expected)) return null;
        if (owner.IsImport) _imports.Remove(expected);
        return expected;
    }

    private void Release(ExpectedFile expected)
    {
        foreach (var incoming in expected.Incoming) Release(incoming);
        expected.Incoming.Clear();
    }

    private void Release(IncomingFile incoming)
    {
        _senders.Remove(incoming.Sender);
        dropped(incoming);
    }
}
