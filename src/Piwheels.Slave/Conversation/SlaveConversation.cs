using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;
using Piwheels.Slave.Building;

namespace Piwheels.Slave.Conversation;

/// <summary>
/// What a slave says to its master and does at its word, from HELLO to BYE: a state machine without clock or socket.
/// It is asked for the <see cref="Next"/> step, again and again, and told what happened meanwhile.
/// </summary>
/// <remarks>
/// Slave and master speak strictly by turns. When a master falls silent, or says what the protocol has no place for,
/// nothing can be mended: the build is dropped, and the slave introduces itself anew.
/// </remarks>
internal sealed class SlaveConversation
{
    private readonly SlaveHello _hello;
    private readonly ConversationTimes _times;
    private readonly FileStateForm _form;
    private readonly Random _random;
    private readonly Queue<SlaveStep> _due = new();

    private Phase _phase;
    private string? _said; // The request that an answer is due to
    private DateTimeOffset _saidAt;
    private DateTimeOffset _nextWordAt = DateTimeOffset.MinValue;
    private DateTimeOffset? _leaveBy;
    private SlaveEnd _end;
    private Uri? _index;
    private IReadOnlyList<string>? _aptAsked; // Null where the master is none of this program
    private bool _tailAsked; // Whether the master may ask for what builds print
    private bool _factsDue;
    private SlaveReply.Tail? _tail; // The last of these questions of this build
    private bool _printedDue;
    private BuildResult? _result;
    private bool _isSent;

    /// <param name="random">Spreads the words of many slaves over time.</param>
    public SlaveConversation(
        SlaveHello hello,
        ConversationTimes times,
        Random random,
        FileStateForm form = FileStateForm.WithLocation)
    {
        _hello = hello;
        _times = times;
        _random = random;
        _form = form;
    }

    private enum Phase
    {
        /// <summary>The master does not know this slave.</summary>
        Stranger,

        /// <summary>Without a build.</summary>
        Resting,

        /// <summary>pip runs, or has just ended.</summary>
        Building,

        /// <summary>The master has the build's result and decides about it.</summary>
        Reporting,

        /// <summary>A file is on its way, or has just arrived.</summary>
        Sending,

        /// <summary>All is said.</summary>
        Ended,
    }

    /// <summary>The master's number for this slave; 0 before the first ACK.</summary>
    public int SlaveId { get; private set; }

    /// <summary>
    /// What the machine lacks to take a build, in words; null when nothing. Looked at when it would ask for work: with a
    /// shortage it says BUSY instead, which keeps it known to its master, and is no request for work.
    /// </summary>
    /// <remarks>
    /// The protocol has no word for it. IDLE would have to be answered with a build, a build given back would count as
    /// failed, and silence would have the slave forgotten. BUSY is answered with CONT, which is no last reply, or with
    /// DONE, since there is nothing to go on with; after both IDLE is right.
    /// </remarks>
    public string? Shortage { get; set; }

    private bool HasBuild => _phase is Phase.Building or Phase.Reporting or Phase.Sending;

    /// <summary>What to do next. Each step is given once, <see cref="SlaveStep.End"/> for ever.</summary>
    public SlaveStep Next(DateTimeOffset now)
    {
        if (_due.TryDequeue(out var step)) return step;
        if (_phase == Phase.Ended) return new SlaveStep.End(_end);
        if (_leaveBy is { } leaveBy) return Leave(now, leaveBy);
        if (_said is not null)
        {
            var answerBy = _saidAt + _times.AnswerTimeout(HasBuild);
            if (now < answerBy) return new SlaveStep.Wait(answerBy);
            StartOver($"the master did not answer {_said}", now);
            return _due.Dequeue();
        }

        return NextWord(now);
    }

    /// <summary>The master answered.</summary>
    public void Receive(SlaveReply reply, DateTimeOffset now)
    {
        if (_said is not { } said || _phase == Phase.Ended) return;
        _said = null;
        if (reply is SlaveReply.Die)
        {
            End(SlaveEnd.Dismissed, sayBye: said != "HELLO");
            return;
        }

        if (_leaveBy is not null) return;
        switch (said, reply)
        {
            case ("HELLO", SlaveReply.Ack ack) when TryReadIndex(ack.PypiUrl, out _index):
                SlaveId = ack.SlaveId;
                _aptAsked = ack.Apt;
                _tailAsked = ack.AsksTail;
                FactsChanged();
                _factsDue |= _tailAsked;
                Rest(now);
                break;
            case ("FACTS", SlaveReply.Cont):
                Rest(now);
                break;
            case ("IDLE", SlaveReply.Ask ask) when _aptAsked is not null:
                _aptAsked = ask.Apt;
                _factsDue = true;
                Rest(now);
                break;
            case ("IDLE", SlaveReply.Sleep):
                Rest(now + Interval(_times.IdleInterval));
                break;
            case ("IDLE", SlaveReply.Build build):
                _phase = Phase.Building;
                _result = null;
                _tail = null;
                _nextWordAt = now + Interval(_times.BusyInterval);
                _due.Enqueue(new SlaveStep.StartBuild(build.Release, _index!, build.Recipe));
                break;
            case ("BUSY", SlaveReply.Cont or SlaveReply.Done) when _phase == Phase.Resting:
                Rest(now + Interval(_times.IdleInterval));
                break;
            case ("BUSY", SlaveReply.Cont):
                _nextWordAt = now + (_phase == Phase.Sending ? _times.SendingInterval : Interval(_times.BusyInterval));
                break;
            case ("BUSY", SlaveReply.Tail tail) when _tailAsked && _phase == Phase.Building:
                _tail = tail;
                _printedDue = true;
                break;
            case ("PRINTED", SlaveReply.Cont) when _phase == Phase.Building:
                _nextWordAt = now + FollowedInterval();
                break;
            case ("BUSY" or "PRINTED" or "BUILT" or "SENT", SlaveReply.Done):
                _due.Enqueue(new SlaveStep.DropBuild());
                Rest(now);
                break;
            case ("BUILT" or "SENT", SlaveReply.Send send) when IsMade(send.Filename):
                _phase = Phase.Sending;
                _isSent = false;
                _nextWordAt = now + _times.SendingInterval;
                _due.Enqueue(new SlaveStep.SendFile(SlaveId, send.Filename));
                break;
            default:
                StartOver($"the master answered {said} with {Describe(reply)}", now + Interval(_times.IdleInterval));
                break;
        }
    }

    /// <summary>What the master asked about may have changed: it is told before the next IDLE.</summary>
    public void FactsChanged() => _factsDue |= _aptAsked is { Count: > 0 };

    /// <summary>The build started last has ended.</summary>
    public void BuildEnded(BuildResult result)
    {
        if (_phase == Phase.Building) _result = result;
    }

    /// <summary>The master has the whole of the file that it asked for.</summary>
    public void FileSent()
    {
        if (_phase == Phase.Sending) _isSent = true;
    }

    /// <summary>The file could not be sent.</summary>
    public void FileNotSent(string reason, DateTimeOffset now)
    {
        if (_phase == Phase.Sending && _leaveBy is null) StartOver(reason, now + Interval(_times.IdleInterval));
    }

    /// <summary>The master does not let this slave in. It tries again, but not at once.</summary>
    public void TurnedAway(string reason, DateTimeOffset now)
    {
        if (_phase != Phase.Ended && _leaveBy is null) StartOver(reason, now + _times.TurnedAwayPause);
    }

    /// <summary>The slave shall stop: it drops what it has, says BYE, and ends.</summary>
    public void Stop(DateTimeOffset now)
    {
        if (_phase == Phase.Ended || _leaveBy is not null) return;
        if (HasBuild) _due.Enqueue(new SlaveStep.DropBuild());
        _leaveBy = now + _times.ByeTimeout;
    }

    private SlaveStep NextWord(DateTimeOffset now) => _phase switch
    {
        Phase.Building when _printedDue => SayPrinted(now),
        Phase.Building when _result is { } result => Report(result, now),
        Phase.Sending when _isSent => Say(new SlaveRequest.Sent(), now),
        _ when now < _nextWordAt => new SlaveStep.Wait(_nextWordAt),
        Phase.Stranger => Say(new SlaveRequest.Hello(_hello), now),
        Phase.Resting when _factsDue => SayFacts(now),
        Phase.Resting when Shortage is not null => Saying("BUSY", new SlaveStep.SayBusy(), now),
        Phase.Resting => Saying("IDLE", new SlaveStep.SayIdle(), now),
        _ => Saying("BUSY", new SlaveStep.SayBusy(), now),
    };

    private SlaveStep Report(BuildResult result, DateTimeOffset now)
    {
        _phase = Phase.Reporting;
        return Say(new SlaveRequest.Built(result.Status, result.Duration, result.Output, result.Files, _form), now);
    }

    private SlaveStep SayFacts(DateTimeOffset now)
    {
        _factsDue = false;
        return Saying("FACTS", new SlaveStep.SayFacts(_aptAsked!, _tailAsked), now);
    }

    private SlaveStep SayPrinted(DateTimeOffset now)
    {
        _printedDue = false;
        return Saying("PRINTED", new SlaveStep.SayPrinted(_tail!.Offset), now);
    }

    private SlaveStep Say(SlaveRequest request, DateTimeOffset now) => Saying(request.Name, new SlaveStep.Say(request), now);

    private SlaveStep Saying(string name, SlaveStep step, DateTimeOffset now)
    {
        _said = name;
        _saidAt = now;
        return step;
    }

    private SlaveStep Leave(DateTimeOffset now, DateTimeOffset leaveBy)
    {
        if (_said is not null && now < leaveBy) return new SlaveStep.Wait(leaveBy);
        // A request without its answer forbids the next one; and to a master that never met us there is nothing to say
        End(SlaveEnd.Stopped, sayBye: _said is null && _phase != Phase.Stranger);
        return Next(now);
    }

    private void End(SlaveEnd why, bool sayBye)
    {
        if (HasBuild && _leaveBy is null) _due.Enqueue(new SlaveStep.DropBuild());
        if (sayBye) _due.Enqueue(new SlaveStep.Say(new SlaveRequest.Bye()));
        _end = why;
        _phase = Phase.Ended;
    }

    private void Rest(DateTimeOffset until)
    {
        _phase = Phase.Resting;
        _result = null;
        _printedDue = false;
        _nextWordAt = until;
    }

    private void StartOver(string reason, DateTimeOffset nextWordAt)
    {
        if (HasBuild) _due.Enqueue(new SlaveStep.DropBuild());
        _due.Enqueue(new SlaveStep.StartOver(reason));
        _phase = Phase.Stranger;
        _aptAsked = null;
        (_tailAsked, _factsDue, _printedDue) = (false, false, false);
        _said = null;
        _result = null;
        _nextWordAt = nextWordAt;
    }

    private TimeSpan Interval(TimeSpan? configured) => configured
        ?? ConversationTimes.IntervalMin
        + ((ConversationTimes.IntervalMax - ConversationTimes.IntervalMin) * _random.NextDouble());

    /// <summary>As soon as the master would like, but not later than to a master that does not ask.</summary>
    private TimeSpan FollowedInterval()
    {
        var usual = Interval(_times.BusyInterval);
        var wanted = _tail!.Within > ConversationTimes.FollowedIntervalMin ? _tail.Within : ConversationTimes.FollowedIntervalMin;
        return wanted < usual ? wanted : usual;
    }

    private bool IsMade(string filename) => _result is not null && _result.Files.Any(file => file.Filename == filename);

    private static bool TryReadIndex(string url, out Uri? index) =>
        Uri.TryCreate(url, UriKind.Absolute, out index) && index.Scheme is "http" or "https" or "file";

    private static string Describe(SlaveReply reply) => reply switch
    {
        SlaveReply.Ack ack => $"ACK and the index '{ack.PypiUrl}'",
        SlaveReply.Send send => $"SEND '{send.Filename}'",
        _ => reply.Name,
    };
}
