using Piwheels.Messaging.Zmq;

namespace Piwheels.Master.Packages;

/// <summary>A request that no oracle has been free for.</summary>
internal sealed record WaitingRequest(
    PeerAddress Client, ReadOnlyMemory<byte> Id, ReadOnlyMemory<byte> Payload, DateTimeOffset Since);

/// <summary>
/// Requests that wait, the oldest of each client in turn: a client that asks a thousand things at once delays itself
/// and not the others.
/// </summary>
internal sealed class WaitingRequests
{
    /// <summary>Requests that wait at most; others are refused.</summary>
    public const int CountMax = 10_000;

    private readonly Dictionary<PeerAddress, Queue<WaitingRequest>> _byClient = [];
    private readonly Queue<PeerAddress> _turns = new();

    public int Count { get; private set; }

    /// <summary>False when too many wait.</summary>
    public bool TryAdd(WaitingRequest request)
    {
        if (Count == CountMax) return false;
        Count++;
        if (!_byClient.TryGetValue(request.Client, out var requests))
        {
            _byClient[request.Client] = requests = new Queue<WaitingRequest>();
            _turns.Enqueue(request.Client);
        }

        requests.Enqueue(request);
        return true;
    }

    /// <summary>The next client's oldest request; null when none waits.</summary>
    public WaitingRequest? Take()
    {
        if (!_turns.TryDequeue(out var client)) return null;
        var requests = _byClient[client];
        var request = requests.Dequeue();
        Count--;
        if (requests.Count > 0) _turns.Enqueue(client);
        else _byClient.Remove(client);
        return request;
    }
}
