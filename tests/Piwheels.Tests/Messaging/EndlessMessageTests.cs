using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Messaging;

/// <summary>
/// Messages of small frames without end: libzmq takes thirty times as much memory for them as comes. Seen by a piece of
/// what comes, and cut long before the limit of bytes.
/// </summary>
public sealed class EndlessMessageTests : IAsyncDisposable
{
    private static readonly Dictionary<string, string> Dealer = new() { ["Socket-Type"] = "DEALER" };

    private readonly TaskTestbed _bed = new();

    public ValueTask DisposeAsync() => _bed.DisposeAsync();

    private static readonly Dictionary<string, byte[]> Frames = new()
    {
        ["of nothing"] = [1, 0],
        ["of a byte"] = [1, 1, 1],
        ["of 34 bytes"] = [1, 34, .. new byte[34]],
        ["of text"] = [1, 200, .. Encoding.ASCII.GetBytes(new string('x', 200))],
        ["of nothing, with eight bytes of length"] = [3, 0, 0, 0, 0, 0, 0, 0, 0],
        ["of 600 bytes"] = [3, 0, 0, 0, 0, 0, 0, 2, 0x58, .. new byte[600]],
        ["with commands between"] = [1, 0, 4, 7, 4, .. "PING"u8, 0, 0],
    };

    public static TheoryData<string, int> Floods()
    {
        var floods = new TheoryData<string, int>();
        foreach (var kind in Frames.Keys)
        {
            floods.Add(kind, 500_000);
            // So slow that libzmq has taken all of it whenever somebody looks
            floods.Add(kind, 20_000);
        }

        return floods;
    }

    [Theory]
    [MemberData(nameof(Floods))]
    public void A_message_of_small_frames_without_end_costs_its_sender_the_connection(string kind, int bytesBetweenLooks)
    {
        using var router = Router();
        using var stranger = new RawPeer(router.Endpoints[0], Dealer);
        byte[] stretch = [.. Enumerable.Repeat(Frames[kind], bytesBetweenLooks / Frames[kind].Length).SelectMany(each => each)];
        var sent = 0;
        while (router.CutEndless() == 0)
        {
            Assert.InRange(sent, 0, 4_000_000);
            stranger.SendRaw(stretch);
            sent += stretch.Length;
        }
    }

    [Fact]
    public void A_large_message_that_comes_in_pieces_is_let_through_however_often_somebody_looks()
    {
        using var router = Router();
        using var friend = new RawPeer(router.Endpoints[0], Dealer);
        var content = new byte[200_000];
        var random = new Random(1);
        for (var message = 0; message < 20; message++)
        {
            random.NextBytes(content);
            friend.SendRaw([2, .. Length(content.Length), .. content.AsSpan(0, 150_000)]);
            Assert.Equal(0, router.CutEndless());
            friend.SendRaw(content.AsSpan(150_000, 45_000));
            Assert.Equal(0, router.CutEndless());
            friend.SendRaw(content.AsSpan(195_000));

            Assert.Equal(content, Receive(router));
        }
    }

    [Fact]
    public void A_message_of_more_frames_than_any_has_costs_its_sender_the_connection_once_it_ends()
    {
        using var router = Router();
        using var stranger = new RawPeer(router.Endpoints[0], Dealer);
        stranger.Send([.. Enumerable.Repeat(new byte[3], SocketOptions.FramesMax + 10)]);
        Assert.True(router.WaitReadable(Waiting.Limit));
        Assert.True(router.TryReceive(out var frames));
        Assert.Empty(frames);
        Assert.Equal(1, router.CutEndless());

        using var friend = new RawPeer(router.Endpoints[0], Dealer);
        friend.Send("good"u8.ToArray());
        Assert.Equal("good"u8, Receive(router));
    }

    public static TheoryData<string, string> Pieces() => new()
    {
        { "nothing", "" },
        { "text", string.Concat(Enumerable.Repeat("copying pyarrow/tests/test_io.py\n", 500)) },
        { "zeros", new string('\0', 16_000) },
        { "sixteen frames, which a message may have", string.Concat(Enumerable.Repeat("\u0001\u0002xy", 16)) + "\0\u0001x" },
        { "frames of 16 messages", string.Concat(Enumerable.Repeat("\u0001\0\0\u0002xy", 3_000)) },
    };

    [Theory]
    [MemberData(nameof(Pieces))]
    public void Other_bytes_are_not_taken_for_such_a_message(string what, string bytes)
    {
        var piece = Encoding.Latin1.GetBytes(bytes);
        Assert.True(Read(piece, piece.Length) == FrameChain.None, what);
    }

    [Fact]
    public void A_piece_that_is_too_short_to_tell_is_not_told()
    {
        Assert.Equal(FrameChain.Perhaps, Read([7, 7, 1, 0, 1, 0, 1], 1000));
        Assert.Equal(FrameChain.None, Read([7, 7, 1, 0, 1, 0, 7], 1000));
        Assert.Equal(FrameChain.None, Read([7, 7, 1, 0, 1, 0, 1], 7));
    }

    [Fact]
    public void Random_bytes_are_read_to_their_end_and_told_to_be_none()
    {
        var random = new Random(2);
        var piece = new byte[ConnectionGuard.TellingBytes];
        for (var each = 0; each < 200; each++)
        {
            random.NextBytes(piece);
            Assert.Equal(FrameChain.None, Read(piece, piece.Length));
            // Lengths beyond what can be counted
            Read([3, .. piece.AsSpan(0, random.Next(20))], piece.Length);
        }
    }

    private static FrameChain Read(ReadOnlySpan<byte> piece, int enough) => FrameChains.Read(piece, enough, 1 << 27);

    private ZmqSocket Router()
    {
        var router = _bed.Zmq.CreateSocket(ZmqSocketType.Router, new() { TellsPeers = true, CutsEndless = true });
        router.Bind("tcp://127.0.0.1:*");
        return router;
    }

    private static byte[] Length(long length)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(bytes, length);
        return bytes;
    }

    /// <summary>The last frame of the next message; looks meanwhile, as the owner of a socket does.</summary>
    private static byte[] Receive(ZmqSocket router)
    {
        var waited = Stopwatch.StartNew();
        ReadOnlyMemory<byte>[] frames;
        while (!router.TryReceive(out frames))
        {
            Assert.True(waited.Elapsed < Waiting.Limit, "no message came");
            router.WaitReadable(TimeSpan.FromMilliseconds(10));
            Assert.Equal(0, router.CutEndless());
        }

        return frames[^1].ToArray();
    }
}
