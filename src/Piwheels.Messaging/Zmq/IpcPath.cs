using System.Net.Sockets;
using System.Text;

namespace Piwheels.Messaging.Zmq;

/// <summary>The file behind an <c>ipc://</c> address.</summary>
public static class IpcPath
{
    /// <summary>sun_path holds 108 bytes, the last of them zero (unix(7)).</summary>
    public const int BytesMax = 107;

    private const string Scheme = "ipc://";

    private const UnixFileMode OwnerAndGroup =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;

    /// <summary>
    /// Before a bind: libzmq removes whatever socket it finds there, which is right for one left over by a killed
    /// process and wrong for a living one's.
    /// </summary>
    public static void Prepare(string address)
    {
        CheckLength(address);
        if (Of(address) is { } path && File.Exists(path) && SomebodyListens(path))
            throw new ZmqException($"cannot bind {address}: another process listens there", LibZmq.Eaddrinuse);
    }

    /// <summary>Whether an address is short enough, if it is one of a file.</summary>
    public static bool Fits(string address) => Of(address) is not { } path || Encoding.UTF8.GetByteCount(path) <= BytesMax;

    public static void CheckLength(string address)
    {
        if (!Fits(address))
        {
            throw new ZmqException(
                $"{address}: the path of an ipc socket has at most {BytesMax} bytes; choose a shorter folder",
                LibZmq.Enametoolong);
        }
    }

    /// <summary>Owner and group may connect, others may not.</summary>
    public static void AllowGroup(string endpoint)
    {
        if (Of(endpoint) is { } path)
            File.SetUnixFileMode(path, OwnerAndGroup);
    }

    /// <summary>The path; null for other transports, names in the abstract space, and the wildcard.</summary>
    private static string? Of(string address) =>
        address.StartsWith(Scheme, StringComparison.Ordinal) && address.Length > Scheme.Length
        && address[Scheme.Length] is not ('@' or '*')
            ? address[Scheme.Length..]
            : null;

    /// <summary>
    /// Tells a peer what libzmq keeps to itself, as it tries for ever: whether it may connect, and whether somebody listens.
    /// </summary>
    public static IpcReach Look(string address)
    {
        CheckLength(address);
        return Of(address) is not { } path ? IpcReach.Unknown : Connect(path) switch
        {
            SocketError.Success => IpcReach.Listening,
            SocketError.AccessDenied => IpcReach.Forbidden,
            SocketError.ConnectionRefused or SocketError.AddressNotAvailable => IpcReach.Nobody,
            _ => IpcReach.Unknown,
        };
    }

    private static bool SomebodyListens(string path) => Connect(path) == SocketError.Success;

    private static SocketError Connect(string path)
    {
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
            return SocketError.Success;
        }
        catch (SocketException failure)
        {
            return failure.SocketErrorCode;
        }
    }
}

/// <summary>What a peer finds at an <c>ipc://</c> address.</summary>
public enum IpcReach
{
    /// <summary>That is not to be told: the address is of another transport, or something else is wrong.</summary>
    Unknown,

    /// <summary>Somebody listens.</summary>
    Listening,

    /// <summary>There is no socket, or one that a killed process has left.</summary>
    Nobody,

    /// <summary>This user has no permission to connect.</summary>
    Forbidden,
}
