using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Master.Packages;

/// <summary>
/// Shares the requests for the database out among the oracles that are free, and brings the answers back. It reads no
/// request: what passes through it are frames. Talks to every DbClient (db queue) and to TheOracle (oracle queue).
/// </summary>
public sealed class Seraph : TaskLoop
{
    /// <summary>
    /// How long a request may wait for an oracle. Less than a client waits for its answer: what nobody waits for any
    /// more must not be done, since it may have been asked for again.
    /// </summary>
    public static readonly TimeSpan WaitLimit = TimeSpan.FromMinutes(1);

    private const int MessagesPerTurn = 64;

    private readonly ZmqSocket _clients;
    private readonly ZmqSocket _oracles;
    private readonly WaitingRequests _waiting = new();
    private readonly Queue<PeerAddress> _free = new();
    private readonly HashSet<PeerAddress> _busy = [];
    private readonly HashSet<PeerAddress> _known = [];
    private bool _hadOracles;
    private readonly DropLog _dropped;

    public Seraph(MasterConfiguration configuration, TaskEnvironment environment)
        : base("seraph", environment)
    {
        _dropped = new DropLog(Logger, Time, configuration.DbQueue);
        _clients = BindRaw(ZmqSocketType.Router, configuration.DbQueue);
        _oracles = BindRaw(ZmqSocketType.Router, MasterConfiguration.OracleQueue);
        // In this order: an oracle that says that it ends is heard before it would be given the next request
        Register(_oracles, _ => TakeAnswers());
        Register(_clients, _ => TakeRequests());
    }

    private void TakeRequests()
    {
        for (var count = 0; count < MessagesPerTurn && _clients.TryReceive(out var frames); count++)
        {
            if (frames is not [var client, { Length: RpcFrames.IdBytes } id, var payload])
            {
                _dropped.Add($"{frames.Length} frames are no request");
                continue;
            }

            var request = new WaitingRequest(new PeerAddress(client), id, payload, Now);
            if (!_waiting.TryAdd(request)) Refuse(request, $"{_waiting.Count} requests wait for the database");
        }

        ShareOut();
    }

    private void TakeAnswers()
    {
        for (var count = 0; count < MessagesPerTurn && _oracles.TryReceive(out var frames); count++)
        {
            switch (frames)
            {
                case [var oracle, var word] when word.Span.SequenceEqual(TheOracle.Ready.Span):
                    Greet(new PeerAddress(oracle));
                    break;
                case [var oracle, var word] when word.Span.SequenceEqual(TheOracle.Gone.Span):
                    _known.Remove(new PeerAddress(oracle));
                    break;
                case [var oracle, var client, var id, var status, var payload]:
                    if (_busy.Remove(new PeerAddress(oracle))) _free.Enqueue(new PeerAddress(oracle));
                    if (!_clients.TrySend(client, id, status, payload)) _dropped.Add("the answer's receiver has gone");
                    break;
                default:
                    _dropped.Add($"{frames.Length} frames are no oracle's answer");
                    break;
            }
        }

        ShareOut();
    }

    private void Greet(PeerAddress oracle)
    {
        _hadOracles = true;
        if (_known.Add(oracle)) _free.Enqueue(oracle);
    }

    /// <summary>Before the first oracle has come, requests wait for it; when the last has gone, they are refused.</summary>
    private bool NoneLeft => _hadOracles && _known.Count == 0;

    private void ShareOut()
    {
        while ((_free.Count > 0 || NoneLeft) && _waiting.Take() is { } request)
        {
            if (Now - request.Since > WaitLimit)
            {
                Refuse(request, $"no oracle was free within {WaitLimit}");
                continue;
            }

            if (!TrySend(request)) Refuse(request, "no oracle is left");
        }
    }

    /// <summary>An oracle that cannot be sent to has ended, and is forgotten.</summary>
    private bool TrySend(WaitingRequest request)
    {
        while (_free.TryDequeue(out var oracle))
        {
            if (!_known.Contains(oracle)) continue;
            if (_oracles.TrySend(oracle.Bytes, request.Client.Bytes, request.Id, request.Payload))
            {
                _busy.Add(oracle);
                return true;
            }

            _known.Remove(oracle);
        }

        return false;
    }

    private void Refuse(WaitingRequest request, string reason)
    {
        _dropped.Add(reason);
        _clients.TrySend([request.Client.Bytes, .. RpcFrames.Failure(request.Id, RpcFrames.FailedForNow, reason)]);
    }
}
