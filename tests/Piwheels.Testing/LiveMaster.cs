using System.Formats.Cbor;
using System.Text;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Testing;

/// <summary>A master's live queue, of which a test says every word. For one thread at a time.</summary>
public sealed class LiveMaster : IDisposable
{
    public static readonly LiveTopic Numpy = new(
        new Release(PackageName.Parse("numpy"), "2.1.0"), new Target("cp311", "linux_armv7l"));

    public static readonly DateTimeOffset Since = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    public const string Path = "/live/numpy/2.1.0/cp311/linux_armv7l";

    private readonly TemporaryFolder _folder = new();
    private readonly ZmqContext _zmq = new();
    private readonly ZmqSocket _socket;

    public LiveMaster()
    {
        Address = $"ipc://{_folder["live"]}";
        _socket = _zmq.CreateSocket(ZmqSocketType.Xpub);
        _socket.Bind(Address);
    }

    public string Address { get; }

    public static LiveMessage Running(LiveReach reach = LiveReach.Followed, string label = "pi-1") =>
        new LiveMessage.Running(label, Since, reach);

    public static LiveMessage Kept(params (long Offset, string Text)[] pieces) =>
        new LiveMessage.Kept([.. pieces.Select(piece => Piece(piece.Offset, piece.Text))]);

    public static LiveMessage Printed(long offset, string text) => new LiveMessage.Printed(Piece(offset, text));

    public static OutputPiece Piece(long offset, string text) => new(offset, Encoding.UTF8.GetBytes(text));

    /// <summary>The next who comes, or goes, as a sign and the topic: <c>+numpy 2.1.0 ...</c></summary>
    public string Hear()
    {
        if (!_socket.WaitReadable(Waiting.Limit) || !_socket.TryReceive(out var frames)) throw new TimeoutException("nobody subscribes");
        var frame = frames.Single().Span;
        return (frame[0] == 1 ? "+" : "-") + Encoding.ASCII.GetString(frame[1..]).TrimEnd('\n');
    }

    /// <summary>Tells those who follow <see cref="Numpy"/>.</summary>
    public void Tell(params LiveMessage[] messages) => Tell(Numpy.ToBytes(), messages);

    public void Tell(ReadOnlyMemory<byte> topic, params LiveMessage[] messages)
    {
        foreach (var message in messages)
        {
            var writer = new CborWriter();
            message.Write(writer);
            Tell(topic, writer.Encode());
        }
    }

    public void Tell(ReadOnlyMemory<byte> topic, ReadOnlyMemory<byte> payload) =>
        _ = _socket.TrySend(topic, payload);

    public void Dispose()
    {
        _socket.Dispose();
        _zmq.Dispose();
        _folder.Dispose();
    }
}
