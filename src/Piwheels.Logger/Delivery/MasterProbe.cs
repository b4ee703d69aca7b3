using System.Net.Sockets;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Logger.Delivery;

/// <summary>How the master at a log queue takes what it is told.</summary>
internal enum Taking
{
    /// <summary>Nobody is there.</summary>
    Nobody,

    /// <summary>One by one, without an answer.</summary>
    Plain,

    /// <summary>In batches, each answered.</summary>
    Answered,
}

/// <summary>
/// Looks who listens at a log queue. A master of this farm binds the hits queue first and closes it last, so a log queue
/// without one is another master's.
/// </summary>
internal static class MasterProbe
{
    private const string Scheme = "ipc://";

    public static Taking Look(string logQueue)
    {
        // Of TCP there is one kind, and libzmq waits for it
        if (HitsQueue.AddressOf(logQueue) is not { } hits) return Taking.Plain;
        if (SomebodyListens(hits)) return Taking.Answered;
        return SomebodyListens(logQueue) && !SomebodyListens(hits) ? Taking.Plain : Taking.Nobody;
    }

    private static bool SomebodyListens(string address)
    {
        var path = address[Scheme.Length..];
        // In the abstract space a name begins with a zero
        if (path.StartsWith('@')) path = '\0' + path[1..];
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
