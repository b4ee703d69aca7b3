using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Master.AccessLog;

/// <summary>A logger's batch that is on its way to the database, and who is to hear when it is there.</summary>
/// <param name="leftOut">Hits of it that cannot be recorded, as far as that was seen already.</param>
public sealed class OwedAnswer(Guid request, PeerAddress logger, int leftOut)
{
    private int _parts = 1;
    private int _leftOut = leftOut;

    /// <summary>Whoever sent it last: after a connection that broke it is another peer.</summary>
    public PeerAddress Logger { get; set; } = logger;

    public Guid Request => request;

    public HitsReply.Done Answer => new(request, _leftOut);

    /// <summary>A part of it is divided into two.</summary>
    public OwedAnswer OfTwo()
    {
        _parts++;
        return this;
    }

    /// <summary>A part of it is recorded, or never will be.</summary>
    /// <returns>Whether that was the last one.</returns>
    public bool EndPart(int leftOut)
    {
        _leftOut += leftOut;
        return --_parts == 0;
    }
}
