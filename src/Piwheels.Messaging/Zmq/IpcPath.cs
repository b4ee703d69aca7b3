using System.Net.Sockets;
using System.Text;

namespace Piwheels.Messaging.Zmq;

/// <summary>The file behind an <c>ipc://</c> address.</summary>
internal static class IpcPath
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

    public static void CheckLength(string address)
    {
        if (Of(address) is { } path && Encoding.UTF8.GetByteCount(path) > BytesMax)
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

    private static bool SomebodyListens(string path)
    {
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
