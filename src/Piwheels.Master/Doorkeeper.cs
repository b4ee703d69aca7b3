using Microsoft.Extensions.Logging;
using Piwheels.Messaging.Keys;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Master;

/// <summary>
/// Answers libzmq's question who may connect to the queues with keys, and looks after the list that says so. While this
/// task does not answer nobody new comes in, and those who are in go on.
/// </summary>
public sealed partial class Doorkeeper : TaskLoop
{
    /// <summary>How often the list is looked at; a change takes effect at the second look.</summary>
    public static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);

    /// <summary>The largest question, in bytes: a key, and a few names.</summary>
    private const int QuestionBytesMax = 4096;

    private const int QuestionsPerTurn = 64;

    private readonly SlaveGate _gate;
    private readonly LineLimit _refusedLines;
    private readonly DropLog _dropped;

    public Doorkeeper(TaskEnvironment environment, SlaveGate gate)
        : base("doorkeeper", environment)
    {
        _gate = gate;
        _refusedLines = new LineLimit(Time);
        _dropped = new DropLog(Logger, Time, ZapRequest.Address);
        var door = BindRaw(
            ZmqSocketType.Router, ZapRequest.Address, new SocketOptions { MaxMessageBytes = QuestionBytesMax });
        Register(door, Answer);
        EveryEvenPaused(LookInterval, LookAtListAsync);
    }

    private void Answer(ZmqSocket door)
    {
        for (var count = 0; count < QuestionsPerTurn && door.TryReceive(out var frames); count++)
        {
            if (frames is not [var from, { IsEmpty: true }, .. var rest] || ZapRequest.Read(rest) is not { } request)
            {
                _dropped.Add("it is no question who may connect");
                continue;
            }

            // One that has gone since does not hear it
            _ = door.TrySend([from, ReadOnlyMemory<byte>.Empty, .. Decide(request)]);
        }
    }

    private ReadOnlyMemory<byte>[] Decide(ZapRequest request)
    {
        if (request is { Domain: SocketOptions.KeysDomain, Key: { } key } && _gate.AdmitsKey(key.Text))
            return request.Welcome(key.Text);
        if (_refusedLines.TryTake(out var unsaid)) Refused(Logger, request.Host, request.Key?.Text ?? "none", unsaid);
        return request.Refusal();
    }

    // Its disk may be slow, and meanwhile somebody may ask
    private async Task LookAtListAsync() => await Task.Run(_gate.Refresh);

    [LoggerMessage(EventId = 10, Level = LogLevel.Warning,
        Message = "refused {Host}: its key {Key} is not on the list ({Unsaid} more refused since the last such line)")]
    private static partial void Refused(ILogger logger, string host, string key, long unsaid);
}
