using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Piwheels.Cli.Posix;

/// <summary>
/// Tells systemd how this service is doing, where systemd wants to know: sd_notify(3) and sd_watchdog_enabled(3).
/// Elsewhere nothing is told. A word that does not get through is lost: what follows from that is systemd's business.
/// </summary>
internal sealed class ServiceNotification : IDisposable
{
    private readonly Socket? _socket;

    private ServiceNotification(Socket? socket, TimeSpan? watchdog)
    {
        _socket = socket;
        WatchdogInterval = watchdog / 2; // As sd_watchdog_enabled(3) recommends
    }

    /// <summary>How often to say that this process is alive; null where nobody watches.</summary>
    public TimeSpan? WatchdogInterval { get; }

    /// <summary>Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.</summary>
    /// <param name="variable">An environment variable's value, by its name.</param>
    public static ServiceNotification Open(Func<string, string?> variable)
    {
        var socket = Connect(variable("NOTIFY_SOCKET"));
        var isWatched = socket is not null && IsMine(variable("WATCHDOG_PID"));
        return new ServiceNotification(socket, isWatched ? Microseconds(variable("WATCHDOG_USEC")) : null);
    }

    /// <summary>The service is up.</summary>
    public void Ready() => Say("READY=1");

    /// <summary>It goes down.</summary>
    public void Stopping() => Say("STOPPING=1");

    /// <summary>It is alive.</summary>
    public void Alive() => Say("WATCHDOG=1");

    public void Dispose() => _socket?.Dispose();

    private void Say(string word)
    {
        try
        {
            _socket?.Send(Encoding.ASCII.GetBytes(word));
        }
        catch (SocketException)
        {
            // Lost
        }
    }

    private static Socket? Connect(string? address)
    {
        if (string.IsNullOrEmpty(address) || address[0] is not ('/' or '@')) return null;
        var path = address[0] == '@' ? string.Concat("\0", address.AsSpan(1)) : address; // The abstract name space, unix(7)
        // Who does not listen holds nobody up
        var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false };
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return socket;
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            socket.Dispose();
            return null;
        }
    }

    private static bool IsMine(string? processId) =>
        string.IsNullOrEmpty(processId) || processId == Environment.ProcessId.ToString(CultureInfo.InvariantCulture);

    private static TimeSpan? Microseconds(string? text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var microseconds)
            && microseconds is > 0 and <= int.MaxValue * 1000L
            ? TimeSpan.FromMicroseconds(microseconds)
            : null;
}
