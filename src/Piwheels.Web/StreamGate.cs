using System.Net;

namespace Piwheels.Web;

/// <summary>How many streams of events there are: each stays open for long, so each client has its share.</summary>
internal sealed class StreamGate(int streamsMax, int clientMax)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<IPAddress, int> _clients = [];
    private int _count;

    /// <summary>Streams that are open.</summary>
    internal int Count
    {
        get
        {
            lock (_lock) return _count;
        }
    }

    /// <returns>To be disposed at the stream's end; null where there are too many.</returns>
    internal IDisposable? Enter(IPAddress address)
    {
        var client = ConnectionGate.NetworkOf(address);
        lock (_lock)
        {
            var own = _clients.GetValueOrDefault(client);
            if (_count >= streamsMax || own >= clientMax) return null;
            _clients[client] = own + 1;
            _count++;
        }

        return new Place(this, client);
    }

    private void Leave(IPAddress client)
    {
        lock (_lock)
        {
            _count--;
            if (--_clients[client] == 0) _clients.Remove(client);
        }
    }

    private sealed class Place(StreamGate gate, IPAddress client) : IDisposable
    {
        public void Dispose() => gate.Leave(client);
    }
}
