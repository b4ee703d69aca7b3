using Microsoft.Extensions.Logging;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Slave.Conversation;

/// <summary>One connection to the master's slave queue; a new start needs a new one.</summary>
internal sealed partial class MasterLink : TaskLoop
{
    private readonly MessageSocket<SlaveReply, SlaveRequest> _socket;

    /// <param name="heard">Called with each answer, on the link's own thread.</param>
    /// <param name="met">Called each time a connection begins or does not, likewise.</param>
    public MasterLink(
        TaskEnvironment environment, string address, SocketOptions options, Action<MasterLink, SlaveReply> heard,
        Action<MasterLink, Handshake> met)
        : base("link", environment)
    {
        _socket = Connect<SlaveReply, SlaveRequest>(ZmqSocketType.Req, address, options);
        WatchHandshakes(_socket.Socket, handshake => met(this, handshake));
        Register(_socket, reply =>
        {
            heard(this, reply);
            return Task.CompletedTask;
        });
    }

    /// <summary>Sends a request, now or when the master comes within reach.</summary>
    public void Say(SlaveRequest request) => Post(() =>
    {
        // An answer to it will not come, which is what the conversation looks after
        if (!_socket.TrySend(request)) LogNotSent(Logger, request.Name);
    });

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Request} could not be sent")]
    private static partial void LogNotSent(ILogger logger, string request);
}
