using Piwheels.Core.Packaging;
using Piwheels.Core.Recipes;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Master.Building;

/// <summary>Where a slave stands: its last reply, CONT left out.</summary>
public enum SlavePhase
{
    /// <summary>It has its ACK and has not said anything since.</summary>
    Greeted,

    /// <summary>Told to sleep.</summary>
    Sleeping,

    /// <summary>Building, since BUILD.</summary>
    Building,

    /// <summary>Sending a file, since SEND.</summary>
    Sending,

    /// <summary>Told DONE: free for the next build.</summary>
    Done,

    /// <summary>Told to DIE.</summary>
    Dying,
}

/// <summary>
/// One slave from its HELLO to its BYE, and the rules of the slave protocol: each request is answered by a step, never
/// by an effect. Whatever the peer says in whatever order, it can harm only its own session.
/// </summary>
/// <remarks>
/// Some steps need others (the database, the file side) before the reply can be known. While one is under way the
/// session is <see cref="Working"/>, and a further request is no request of a slave that keeps to the protocol.
/// </remarks>
public sealed class SlaveSession
{
    /// <summary>How often a file is asked for before the build counts as failed.</summary>
    public const int TransferAttemptsMax = 3;

    /// <summary>Whoever asks for work more often hears what it heard before.</summary>
    public static readonly TimeSpan AskIntervalMin = TimeSpan.FromSeconds(1);

    /// <summary>Bounds of the silence after which a slave is forgotten, whatever its hello asks for.</summary>
    public static readonly TimeSpan ExpiryMin = TimeSpan.FromSeconds(10);

    public static readonly TimeSpan ExpiryMax = TimeSpan.FromDays(1);

    /// <summary>The longest time that a build may be said to go on, whatever the hello asks for.</summary>
    public static readonly TimeSpan BuildTimeMax = TimeSpan.FromDays(7);

    private static readonly HashSet<string> NoPackages = [];

    private readonly List<FileState> _filesLeft = [];
    private BuildState? _built;
    private int _attempts;
    private string? _takenBack;
    private bool _killed;
    private (long Revision, DateTimeOffset At) _foundNothing = (-1, DateTimeOffset.MinValue);
    private IReadOnlyList<string> _aptAsked = [];
    private bool _aptKnown = true;
    private bool _tailAsked;
    private long? _printedFrom;

    /// <param name="id">The master's number for it, from 1.</param>
    public SlaveSession(int id, PeerAddress address, SlaveHello hello, DateTimeOffset now)
    {
        Id = id;
        Address = address;
        Origin = PeerOrigin.Of(address);
        TakesRecipes = hello.IsMarked;
        Hello = hello.Unmarked;
        FirstSeen = now;
        LastSeen = now;
        LastReplyAt = now;
    }

    public int Id { get; }

    public PeerAddress Address { get; }

    /// <summary>Where it comes from, for limits that all slaves from there share.</summary>
    public string Origin { get; }

    public SlaveHello Hello { get; }

    /// <summary>What it builds for.</summary>
    public Target Target => Hello.Target;

    /// <summary>Whether it is a slave of this program, which may be sent recipes and asked for facts.</summary>
    public bool TakesRecipes { get; }

    /// <summary>Of the Debian packages that it was asked about, those that it has.</summary>
    public IReadOnlySet<string> Apt { get; private set; } = NoPackages;

    /// <summary>Whether it can be asked for what its build prints.</summary>
    public bool SendsOutput { get; private set; }

    /// <summary>What its build prints, while somebody follows it.</summary>
    public LiveLog? Live { get; set; }

    public DateTimeOffset FirstSeen { get; }

    public DateTimeOffset LastSeen { get; private set; }

    /// <summary>Its figures as of its last IDLE or BUSY.</summary>
    public SlaveStats? Stats { get; private set; }

    public SlavePhase Phase { get; private set; } = SlavePhase.Greeted;

    /// <summary>The last reply that counts, and when; null before the first after ACK.</summary>
    public SlaveReply? LastReply { get; private set; }

    public DateTimeOffset LastReplyAt { get; private set; }

    /// <summary>What it is building, or sending files of.</summary>
    public Release? Release { get; private set; }

    /// <summary>When it was told to build <see cref="Release"/>.</summary>
    public DateTimeOffset BuildStarted { get; private set; }

    /// <summary>The build that is being sent; its files are those claimed.</summary>
    public BuildState? Built => _built;

    /// <summary>The file it was told to send.</summary>
    public FileState? FileExpected => _filesLeft.Count > 0 ? _filesLeft[0] : null;

    /// <summary>Whether something of its build may be with the files' task: expected, or verified and kept.</summary>
    public bool HasFiles { get; private set; }

    /// <summary>Whether a request is being worked on.</summary>
    public bool Working { get; private set; }

    /// <summary>Whether somebody has told it to pause until it is woken.</summary>
    public bool Asleep { get; private set; }

    /// <summary>Why its build is not wanted any more; null when it is.</summary>
    public string? TakenBack => _takenBack;

    /// <summary>How long it may be silent before it is forgotten.</summary>
    public TimeSpan Expiry => Clamp(Hello.BusyTimeout, ExpiryMin, ExpiryMax);

    public bool IsExpired(DateTimeOffset now) => now - LastSeen > Expiry;

    /// <summary>It shall die at its next IDLE.</summary>
    public void Kill() => _killed = true;

    public void Sleep() => Asleep = true;

    public void Wake() => Asleep = false;

    /// <summary>
    /// Its build is not wanted any more; nothing of it is recorded. Without a build, nothing happens.
    /// </summary>
    public void TakeBack(string reason)
    {
        if (Release is not null) _takenBack ??= reason;
    }

    /// <summary>Takes a request of the peer at this session's address, other than HELLO.</summary>
    public SlaveStep Receive(SlaveRequest request, DateTimeOffset now)
    {
        if (Working) return new SlaveStep.Ignore($"{request.Name} while its last request is worked on");
        LastSeen = now;
        var printedFrom = _printedFrom;
        _printedFrom = null;
        return request switch
        {
            SlaveRequest.Idle idle => Idle(idle.Stats),
            SlaveRequest.Busy busy => Busy(busy.Stats, now),
            SlaveRequest.Built built => ReceiveBuilt(built),
            SlaveRequest.Sent => Sent(),
            SlaveRequest.Bye => new SlaveStep.Leave(),
            SlaveRequest.Facts facts when TakesRecipes => ReceiveFacts(facts),
            SlaveRequest.Printed printed when printedFrom is { } from => ReceivePrinted(printed.Piece, from),
            _ => Violation(request.Name),
        };
    }

    private SlaveStep Idle(SlaveStats stats)
    {
        if (!IsAtRest) return Violation("IDLE");
        Stats = stats;
        if (_killed) return new SlaveStep.Answer(new SlaveReply.Die());
        return Asleep ? new SlaveStep.Answer(new SlaveReply.Sleep(Paused: true)) : new SlaveStep.FindWork();
    }

    private SlaveStep ReceiveFacts(SlaveRequest.Facts facts)
    {
        if (!IsAtRest) return Violation("FACTS");
        // No more is kept than was asked for, whatever it says
        var said = facts.Apt.ToHashSet(StringComparer.Ordinal);
        Apt = _aptAsked.Where(said.Contains).ToHashSet(StringComparer.Ordinal);
        _aptKnown = true;
        SendsOutput = facts.TellsTail && _tailAsked;
        _foundNothing = (-1, default);
        return new SlaveStep.Answer(new SlaveReply.Cont());
    }

    private bool IsAtRest => Phase is SlavePhase.Greeted or SlavePhase.Sleeping or SlavePhase.Done;

    private SlaveStep Busy(SlaveStats stats, DateTimeOffset now)
    {
        Stats = stats;
        if (Phase == SlavePhase.Dying) return Violation("BUSY");
        if (Release is not { } release)
        {
            // Nothing to drop: a slave that can take no work now says so like this, and stays known
            return new SlaveStep.Answer(_killed ? new SlaveReply.Die() : new SlaveReply.Done());
        }

        if (_takenBack is not null) return Drop(release, _takenBack);
        if (Phase != SlavePhase.Building) return Drop(release, "it says BUSY while a file of it was due");
        var limit = Clamp(Hello.BuildTimeout, TimeSpan.Zero, BuildTimeMax) + Expiry;
        return now - BuildStarted > limit
            ? Drop(release, $"it goes on for longer than {limit}")
            : new SlaveStep.Answer((SlaveReply?)Live?.Ask(now) ?? new SlaveReply.Cont());
    }

    /// <summary>Only ever after TAIL, so there is a build.</summary>
    private SlaveStep ReceivePrinted(OutputPiece piece, long from)
    {
        if (piece.Offset < from) return Violation($"PRINTED from {piece.Offset} on, where {from} was asked for,");
        return _takenBack is null ? new SlaveStep.PassOn(piece) : Drop(Release!.Value, _takenBack);
    }

    private SlaveStep ReceiveBuilt(SlaveRequest.Built claim)
    {
        if (Phase != SlavePhase.Building || Release is not { } release) return Violation("BUILT");
        if (_takenBack is not null) return Drop(release, _takenBack);
        _built = BuiltCheck.Check(Id, Hello, release, claim);
        if (!_built.Status) return new SlaveStep.RecordFailure(_built);
        _filesLeft.Clear();
        _filesLeft.AddRange(_built.Files);
        HasFiles = true;
        _attempts = 1;
        return new SlaveStep.ExpectFile(_filesLeft[0]);
    }

    /// <summary>Keeps the end of the log alone while its files are sent.</summary>
    public void CutLog()
    {
        if (_built is not null) _built = BuildRecorder.Cut(_built);
    }

    private SlaveStep Sent()
    {
        if (Phase != SlavePhase.Sending || Release is not { } release || FileExpected is null) return Violation("SENT");
        return _takenBack is null ? new SlaveStep.VerifyFile(_filesLeft[0]) : Drop(release, _takenBack);
    }

    private SlaveStep Violation(string request)
    {
        var reason = $"{request} is out of order after {LastReplyName}";
        return Release is { } release
            ? new SlaveStep.Drop(new SlaveReply.Die(), release, reason)
            : new SlaveStep.Answer(new SlaveReply.Die());
    }

    private static SlaveStep.Drop Drop(Release release, string reason) => new(new SlaveReply.Done(), release, reason);

    /// <summary>The file is verified, and kept: the next one follows, or the build is complete.</summary>
    /// <param name="requiresPython">What its METADATA says, whatever the slave claimed; null for nothing.</param>
    public SlaveStep FileVerified(string? requiresPython)
    {
        if (_built is null || Release is not { } release) throw new InvalidOperationException("No file was due.");
        if (_takenBack is not null) return Drop(release, _takenBack);
        var verified = _filesLeft[0];
        _built = _built with
        {
            Files =
            [
                .. _built.Files.Select(
                    file => file.Filename == verified.Filename ? file with { RequiresPython = requiresPython } : file),
            ],
        };
        _filesLeft.RemoveAt(0);
        _attempts = 1;
        return _filesLeft.Count > 0 ? new SlaveStep.ExpectFile(_filesLeft[0]) : new SlaveStep.RecordSuccess(_built);
    }

    /// <summary>The file did not arrive as announced: it is asked for again, a few times.</summary>
    public SlaveStep FileMismatched(string reason)
    {
        if (_built is null || Release is not { } release) throw new InvalidOperationException("No file was due.");
        if (_takenBack is not null) return Drop(release, _takenBack);
        return _attempts++ < TransferAttemptsMax
            ? new SlaveStep.ExpectFile(_filesLeft[0])
            : FileRefused($"{reason} ({TransferAttemptsMax} attempts)");
    }

    /// <summary>The file is not what it claims to be: the build fails.</summary>
    public SlaveStep FileRefused(string reason)
    {
        if (_built is null || Release is not { } release) throw new InvalidOperationException("No file was due.");
        if (_takenBack is not null) return Drop(release, _takenBack);
        _built = BuiltCheck.Failed(_built, $"{_filesLeft[0].Filename}: {reason}");
        return new SlaveStep.RecordFailure(_built);
    }

    /// <summary>The welcome: to a slave of this program with what it shall tell of itself.</summary>
    /// <param name="tail">Whether it may be asked for what its builds print.</param>
    public SlaveReply.Ack Welcome(string index, IReadOnlyList<string> aptAsked, bool tail = false)
    {
        if (!TakesRecipes) return new SlaveReply.Ack(Id, index);
        Asked(aptAsked);
        _tailAsked = tail;
        return new SlaveReply.Ack(Id, index, aptAsked, tail);
    }

    /// <summary>What to ask the slave now, in place of work; null when it has been asked that.</summary>
    public SlaveReply? Question(IReadOnlyList<string> aptAsked)
    {
        if (!TakesRecipes || WasAsked(aptAsked)) return null;
        Asked(aptAsked);
        return new SlaveReply.Ask(aptAsked);
    }

    /// <summary>Whether it is known which of these Debian packages it has.</summary>
    public bool HasAnswered(IReadOnlyList<string> aptAsked) => _aptKnown && WasAsked(aptAsked);

    private bool WasAsked(IReadOnlyList<string> apt) =>
        ReferenceEquals(apt, _aptAsked) || apt.SequenceEqual(_aptAsked, StringComparer.Ordinal);

    private void Asked(IReadOnlyList<string> apt)
    {
        _aptAsked = apt;
        Apt = NoPackages;
        _aptKnown = apt.Count == 0;
    }

    /// <summary>Whether work was looked for a moment ago, and nothing has changed since; nobody honest asks so often.</summary>
    public bool HasJustAsked(long revision, DateTimeOffset now) =>
        _foundNothing.Revision == revision && now - _foundNothing.At < AskIntervalMin;

    /// <summary>There was no work for it.</summary>
    public void FoundNothing(long revision, DateTimeOffset now) => _foundNothing = (revision, now);

    /// <summary>Gives the slave a release to build. Only on <see cref="SlaveStep.FindWork"/>.</summary>
    /// <param name="recipe">How; sent to a slave of this program alone.</param>
    public SlaveReply Assign(Release release, DateTimeOffset now, Recipe? recipe = null)
    {
        Release = release;
        BuildStarted = now;
        _takenBack = null;
        return new SlaveReply.Build(release, TakesRecipes ? recipe : null);
    }

    /// <summary>A request is being worked on; no other is taken until <see cref="Replied"/>.</summary>
    public void BeginWork() => Working = true;

    /// <summary>The work has ended without a reply.</summary>
    public void EndWork() => Working = false;

    /// <summary>A reply goes out: where the slave stands follows from it.</summary>
    public void Replied(SlaveReply reply, DateTimeOffset now)
    {
        Working = false;
        _printedFrom = (reply as SlaveReply.Tail)?.Offset;
        if (reply is SlaveReply.Cont or SlaveReply.Ask or SlaveReply.Tail) return;
        LastReply = reply;
        LastReplyAt = now;
        Phase = reply switch
        {
            SlaveReply.Sleep => SlavePhase.Sleeping,
            SlaveReply.Build => SlavePhase.Building,
            SlaveReply.Send => SlavePhase.Sending,
            SlaveReply.Done => SlavePhase.Done,
            SlaveReply.Die => SlavePhase.Dying,
            _ => Phase,
        };
        if (Phase is not (SlavePhase.Building or SlavePhase.Sending)) ForgetBuild();
    }

    private void ForgetBuild()
    {
        Release = null;
        _built = null;
        _filesLeft.Clear();
        HasFiles = false;
        _takenBack = null;
    }

    private string LastReplyName => LastReply?.Name ?? "ACK";

    private static TimeSpan Clamp(TimeSpan value, TimeSpan min, TimeSpan max) =>
        value < min ? min : value > max ? max : value;
}
