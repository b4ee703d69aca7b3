using System.Threading.Channels;
using Piwheels.Testing;

namespace Piwheels.Tests.Building;

/// <summary>Keeps the messages of a queue until a test looks at them, in their order.</summary>
internal sealed class TestInbox<T>
{
    private readonly Channel<T> _messages = Channel.CreateUnbounded<T>();

    public Task Take(T message)
    {
        _messages.Writer.TryWrite(message);
        return Task.CompletedTask;
    }

    public Task<T> NextAsync() => _messages.Reader.ReadAsync().AsTask().Within();

    /// <summary>The next one that fits; those before it are passed over.</summary>
    public async Task<T> NextAsync(Predicate<T> condition)
    {
        while (true)
        {
            var message = await NextAsync();
            if (condition(message)) return message;
        }
    }

    /// <summary>All that have come and were not taken.</summary>
    public IReadOnlyList<T> Rest()
    {
        var rest = new List<T>();
        while (_messages.Reader.TryRead(out var message)) rest.Add(message);
        return rest;
    }
}
