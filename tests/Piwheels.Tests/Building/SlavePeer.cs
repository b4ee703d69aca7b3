using System.Formats.Cbor;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Building;

/// <summary>A slave whose every word a test says; as a DEALER it may also speak out of turn.</summary>
internal sealed class SlavePeer : IDisposable
{
    private static readonly ReadOnlyMemory<byte> Delimiter = ReadOnlyMemory<byte>.Empty;
    private readonly ZmqSocket _socket;
    private readonly bool _dealer;

    /// <param name="name">What the ROUTER is to know its connection by.</param>
    public SlavePeer(
        ZmqContext zmq, string address, bool dealer, CurveClientKeys? keys = null, PeerAddress? name = null)
    {
        _dealer = dealer;
        _socket = zmq.CreateSocket(
            dealer ? ZmqSocketType.Dealer : ZmqSocketType.Req,
            new SocketOptions { CurveClient = keys, Identity = name });
        _socket.Connect(address);
    }

    public void Say(SlaveRequest request) => Assert.True(TrySay(request));

    public void Say(ReadOnlyMemory<byte> payload) => Assert.True(TrySay(payload));

    /// <summary>Whether there was room for it in the peer's own queue.</summary>
    public bool TrySay(SlaveRequest request)
    {
        var writer = new CborWriter();
        request.Write(writer);
        return TrySay(writer.Encode());
    }

    public bool TrySay(ReadOnlyMemory<byte> payload) =>
        _dealer ? _socket.TrySend(Delimiter, payload) : _socket.TrySend(payload);

    public void SayFrames(params ReadOnlyMemory<byte>[] frames) => Assert.True(_socket.TrySend(frames));

    public SlaveReply Hear()
    {
        Assert.True(_socket.WaitReadable(Waiting.Limit), "the master does not answer");
        Assert.True(_socket.TryReceive(out var frames));
        return SlaveReply.Read(frames[^1]);
    }

    /// <summary>Whether an answer is there already.</summary>
    public bool HasReply => _socket.WaitReadable(TimeSpan.Zero);

    public SlaveReply Ask(SlaveRequest request)
    {
        Say(request);
        return Hear();
    }

    public TReply AssertReply<TReply>(SlaveRequest request)
        where TReply : SlaveReply => Assert.IsType<TReply>(Ask(request));

    public void Dispose() => _socket.Dispose();
}
