using Microsoft.Extensions.Logging;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Messaging.Tasks;

/// <summary>Answers the requests of RPC clients. What its handler throws reaches the client that asked.</summary>
internal sealed partial class RpcServer<TRequest, TReply>(
    ZmqSocket socket,
    string address,
    ILogger logger,
    TimeProvider time,
    Func<TRequest, Task<TReply>> handler)
    where TRequest : class, IWireMessage<TRequest>
    where TReply : class, IWireMessage<TReply>
{
    // Addresses, id and status come before the payload
    private const int AnswerBytesMax = SocketOptions.DefaultMaxMessageBytes - 1024;

    private readonly WireEncoder _encoder = new();
    private readonly DropLog _dropped = new(logger, time, address);

    /// <summary>Takes one request; false when there is none.</summary>
    public bool TakeOne(out Task handling)
    {
        for (var count = 0; count < SocketReader.MessagesPerTurn && socket.TryReceive(out var frames); count++)
        {
            switch (frames)
            {
                case [var from, { Length: RpcFrames.IdBytes } id, var payload]:
                    handling = Answer(from, id, payload);
                    return true;
                case [var from, { IsEmpty: true }, { Length: RpcFrames.IdBytes } id, var payload]:
                    handling = Answer(from, id, payload);
                    return true;
                default:
                    _dropped.Add($"{frames.Length} frames are no request");
                    break;
            }
        }

        handling = Task.CompletedTask;
        return false;
    }

    private async Task Answer(ReadOnlyMemory<byte> from, ReadOnlyMemory<byte> id, ReadOnlyMemory<byte> payload)
    {
        if (WirePayload.Read<TRequest>(payload, _dropped, out var reason) is not { } request)
        {
            SendFailure(from, id, RpcFrames.Failed, reason);
            return;
        }

        TReply reply;
        try
        {
            reply = await handler(request);
        }
        catch (Exception failure)
        {
            // Whatever it is, the one who asked must hear of it, and the others must go on being served
            var status = RpcFrames.StatusOf(failure);
            if (status == RpcFrames.FailedForNow) HandlerFailedForNow(logger, address, failure.Message);
            else HandlerFailed(logger, failure, address);
            SendFailure(from, id, status, failure.Message);
            return;
        }

        var answer = _encoder.Encode(reply);
        if (answer.Length <= AnswerBytesMax)
        {
            Send(from, id, RpcFrames.Done, answer);
            return;
        }

        // The client's socket would drop it, and the client wait in vain
        var tooLong = $"the answer has {answer.Length} bytes, {AnswerBytesMax} are taken";
        _dropped.Add(tooLong);
        SendFailure(from, id, RpcFrames.Failed, tooLong);
    }

    private void SendFailure(ReadOnlyMemory<byte> to, ReadOnlyMemory<byte> id, byte status, string text)
    {
        if (!socket.TrySend([to, .. RpcFrames.Failure(id, status, text)]))
            _dropped.Add("the answer's receiver has gone");
    }

    private void Send(ReadOnlyMemory<byte> to, ReadOnlyMemory<byte> id, byte status, ReadOnlySpan<byte> payload)
    {
        var sent = socket.TrySendFrame(to.Span, more: true)
            && socket.TrySendFrame(id.Span, more: true)
            && socket.TrySendFrame([status], more: true)
            && socket.TrySendFrame(payload);
        if (!sent)
            _dropped.Add("the answer's receiver has gone");
    }

    [LoggerMessage(EventId = 110, Level = LogLevel.Warning, Message = "a request on {Address} failed")]
    private static partial void HandlerFailed(ILogger logger, Exception failure, string address);

    // Whoever asked hears of it and asks again; whatever is away is told of where it is missed
    [LoggerMessage(EventId = 111, Level = LogLevel.Debug, Message = "a request on {Address} failed for now: {Reason}")]
    private static partial void HandlerFailedForNow(ILogger logger, string address, string reason);
}
