using System.Threading.Channels;

namespace Piwheels.Testing;

/// <summary>What came, in its order, for a test to wait for.</summary>
public sealed class Arrivals<T>
{
    private readonly Channel<T> _channel = Channel.CreateUnbounded<T>();

    public bool HasMore => _channel.Reader.TryPeek(out _);

    /// <summary>As a handler's last or only step.</summary>
    public Task Add(T item)
    {
        _channel.Writer.TryWrite(item);
        return Task.CompletedTask;
    }

    public Task<T> Next() => _channel.Reader.ReadAsync().AsTask().Within();
}
