using System.Formats.Cbor;
using Piwheels.Core.Database;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.AccessLog;

/// <summary>What Lumberjack answers to batches.</summary>
public sealed class HitsQueueTests : IAsyncDisposable
{
    private readonly LoggedFarm _farm = new();
    private readonly ZmqContext _zmq = new();
    private readonly ZmqSocket _logger;
    private readonly Guid _request = RequestNumber.Next(TimeProvider.System);

    public HitsQueueTests()
    {
        _farm.StartMaster();
        _logger = Connect();
    }

    public async ValueTask DisposeAsync()
    {
        _logger.Dispose();
        _zmq.Dispose();
        await _farm.DisposeAsync();
    }

    [Fact]
    public void What_cannot_be_recorded_is_left_out_and_counted_and_the_rest_recorded()
    {
        var absurd = Page("absurd") with { Timestamp = DateTimeOffset.MaxValue };
        Send(_logger, [0xff], Entry(Page("good")), [], Entry(absurd), Entry(Page("") with { Host = "nowhere" }), Entry(Page("fine")));
        Assert.Equal(new HitsReply.Done(_request, 4), Receive(_logger));
        Assert.Equal(["good", "fine"], _farm.Database.Accesses.Select(access => ((PageState)access).Page));
    }

    [Fact]
    public void A_batch_that_comes_twice_is_answered_twice_and_recorded_once()
    {
        foreach (var _ in Enumerable.Range(0, 2))
        {
            Send(_logger, Entry(Page("good")));
            Assert.Equal(new HitsReply.Done(_request, 0), Receive(_logger));
        }

        Assert.Single(_farm.Database.Accesses);
    }

    [Fact]
    public void A_batch_of_nothing_is_answered()
    {
        Send(_logger);
        Assert.Equal(new HitsReply.Done(_request, 0), Receive(_logger));
    }

    [Fact]
    public async Task While_the_database_is_away_nothing_is_answered_and_then_whoever_asked_last()
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _farm.Database.Before = _ =>
        {
            asked.TrySetResult();
            throw new DatabaseException("away", transient: true);
        };
        Send(_logger, Entry(Page("good")));
        await asked.Task.Within();
        Assert.False(_logger.TryReceive(out var none), $"{none.Length} frames");
        using var again = Connect();
        Send(again, Entry(Page("good")));
        _farm.Database.Before = _ => Task.CompletedTask;
        Assert.Equal(new HitsReply.Done(_request, 0), Receive(again));
        Assert.Single(_farm.Database.Accesses);
    }

    [Fact]
    public async Task Nonsense_is_dropped_and_the_next_batch_recorded()
    {
        byte[][] nonsense = [[], [0xff], [0x64, (byte)'H', (byte)'I', (byte)'T', (byte)'S'], new byte[HitsQueue.MessageBytesMax + 1]];
        foreach (var payload in nonsense) _logger.TrySend(ReadOnlyMemory<byte>.Empty, payload);
        _logger.TrySend(new byte[] { 1 });
        _logger.TrySend([.. Enumerable.Repeat(ReadOnlyMemory<byte>.Empty, 30)]);
        Send(_logger, Entry(Page("good")));
        Assert.Equal(new HitsReply.Done(_request, 0), Receive(_logger));
        await _farm.Log.WhenSaidAsync("dropped a message");
    }

    private static PageState Page(string page) => new(page, "192.0.2.1", TimeProvider.System.GetUtcNow(), "agent");

    private static byte[] Entry(AccessState access)
    {
        var writer = new CborWriter();
        LogEntry.Of(access).Write(writer);
        return writer.Encode();
    }

    private ZmqSocket Connect()
    {
        var socket = _zmq.CreateSocket(ZmqSocketType.Dealer, new SocketOptions { Linger = TimeSpan.Zero });
        socket.Connect(HitsQueue.AddressOf(_farm.Queue)!);
        return socket;
    }

    private void Send(ZmqSocket socket, params byte[][] entries) => Assert.True(socket.TrySend(
        ReadOnlyMemory<byte>.Empty, HitsQueue.Encode(_request, [.. entries.Select(entry => new ReadOnlyMemory<byte>(entry))])));

    private static HitsReply Receive(ZmqSocket socket)
    {
        Assert.True(socket.WaitReadable(Waiting.Limit));
        Assert.True(socket.TryReceive(out var frames));
        return HitsReply.Read(frames[1]);
    }
}
