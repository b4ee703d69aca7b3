using System.Security.Cryptography;
using System.Text;
using Piwheels.Messaging.Files;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Transfers;

public sealed class FileSenderTests : IAsyncDisposable
{
    private readonly TaskTestbed _bed = new();
    private readonly ZmqSocket _master;
    private readonly string _address;
    private readonly string _path;
    private readonly byte[] _content = RandomNumberGenerator.GetBytes(200_000);

    public FileSenderTests()
    {
        _master = _bed.Zmq.CreateSocket(ZmqSocketType.Router);
        _master.Bind("tcp://127.0.0.1:*");
        _address = _master.Endpoints[0];
        _path = Path.Combine(_bed.Folder, "a.whl");
        File.WriteAllBytes(_path, _content);
    }

    [Fact]
    public async Task The_file_goes_over_as_it_is_asked_for()
    {
        var sending = Sender().SendAsync(_address, 7, _path);
        var sender = AssertHello("7");

        Send(sender, new FileReply.Fetch(65_536, 65_536));
        Send(sender, new FileReply.Fetch(199_999, 1));

        Assert.Equal(_content[65_536..131_072], AssertChunk("65536"));
        Assert.Equal(_content[199_999..], AssertChunk("199999"));
        Assert.False(sending.IsCompleted);
        Send(sender, new FileReply.Done());
        await sending.Within();
    }

    [Fact]
    public async Task What_is_no_message_of_the_master_is_passed_over()
    {
        var sending = Sender().SendAsync(_address, 0, _path);
        var sender = AssertHello("0");

        foreach (var nonsense in new[] { "", "FETCH", "DONE 1", "\u00ff" })
        {
            Assert.True(_master.TrySend(sender.Bytes, Encoding.Latin1.GetBytes(nonsense)));
        }

        Assert.True(_master.TrySend(sender.Bytes, "FETCH"u8.ToArray(), "-1"u8.ToArray(), "10"u8.ToArray()));
        Send(sender, new FileReply.Fetch(200_000, 1));
        Send(sender, new FileReply.Fetch(0, 10));

        Assert.Equal(_content[..10], AssertChunk("0"));
        Send(sender, new FileReply.Done());
        await sending.Within();
    }

    [Fact]
    public async Task The_sending_can_be_called_off()
    {
        using var off = new CancellationTokenSource();
        var sending = Sender().SendAsync(_address, 7, _path, ct: off.Token);
        AssertHello("7");

        await off.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending.Within());
    }

    [Fact]
    public async Task A_silent_master_ends_the_sending()
    {
        var sending = Sender().SendAsync(_address, 7, _path, TimeSpan.FromMinutes(1));
        AssertHello("7");

        _bed.Time.Advance(TimeSpan.FromMinutes(1));

        var failure = await Assert.ThrowsAsync<FileSendException>(() => sending.Within());
        Assert.Contains("silent", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_not_there_is_an_error()
    {
        await Assert.ThrowsAnyAsync<IOException>(() => Sender().SendAsync(_address, 7, _path + ".not").Within());
    }

    public async ValueTask DisposeAsync()
    {
        _master.Dispose();
        await _bed.DisposeAsync();
    }

    private FileSender Sender() => new(_bed.Zmq, _bed.Time, _bed.Log.CreateLogger("sender"));

    private PeerAddress AssertHello(string id)
    {
        var frames = Receive();
        Assert.Equal(["HELLO", id], frames[1..].Select(frame => Encoding.ASCII.GetString(frame.Span)));
        return new PeerAddress(frames[0]);
    }

    private byte[] AssertChunk(string offset)
    {
        var frames = Receive();
        Assert.Equal(4, frames.Length);
        Assert.Equal(["CHUNK", offset], frames[1..3].Select(frame => Encoding.ASCII.GetString(frame.Span)));
        return frames[3].ToArray();
    }

    private ReadOnlyMemory<byte>[] Receive()
    {
        Assert.True(_master.WaitReadable(Waiting.Limit));
        Assert.True(_master.TryReceive(out var frames));
        return frames;
    }

    private void Send(PeerAddress to, FileReply reply) => Assert.True(_master.TrySend([to.Bytes, .. reply.ToFrames()]));
}
