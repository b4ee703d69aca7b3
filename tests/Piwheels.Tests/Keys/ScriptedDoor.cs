using Piwheels.Messaging.Keys;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;

namespace Piwheels.Tests.Keys;

/// <summary>Answers who may connect as a test says, on a thread of its own; null leaves it open.</summary>
internal sealed class ScriptedDoor : IDisposable
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);

    private readonly ZmqSocket _socket;
    private readonly Thread _thread;
    private volatile bool _stopped;

    public ScriptedDoor(ZmqContext zmq, Func<ZapRequest, ReadOnlyMemory<byte>[]?> answer)
    {
        _socket = zmq.CreateSocket(ZmqSocketType.Router);
        _socket.Bind(ZapRequest.Address);
        _thread = new Thread(() =>
        {
            while (!_stopped)
            {
                if (!_socket.WaitReadable(Look) || !_socket.TryReceive(out var frames)) continue;
                var request = ZapRequest.Read(frames.AsSpan(2))!;
                Asked.Enqueue(request);
                _asked.Release();
                if (answer(request) is { } said) _socket.TrySend([frames[0], frames[1], .. said]);
            }
        });
        _thread.Start();
    }

    public System.Collections.Concurrent.ConcurrentQueue<ZapRequest> Asked { get; } = new();

    private readonly SemaphoreSlim _asked = new(0);

    /// <summary>Waits until somebody has asked once more.</summary>
    public Task AskedAsync() => _asked.WaitAsync().Within();

    public void Dispose()
    {
        _stopped = true;
        _thread.Join();
        _socket.Dispose();
        _asked.Dispose();
    }
}
