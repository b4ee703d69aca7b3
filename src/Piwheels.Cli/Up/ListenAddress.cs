using System.Net;
using System.Net.Sockets;

namespace Piwheels.Cli.Up;

/// <summary>An address and port to listen on, written <c>127.0.0.1:8080</c>, <c>[::1]:8080</c> or <c>8080</c>.</summary>
internal static class ListenAddress
{
    /// <exception cref="FormatException">It is none.</exception>
    public static IPEndPoint Parse(string text)
    {
        if (ushort.TryParse(text, out var port)) return new IPEndPoint(IPAddress.Loopback, port);
        if (text.StartsWith("localhost:", StringComparison.OrdinalIgnoreCase)) text = "127.0.0.1" + text[9..];
        return IPEndPoint.TryParse(text, out var endPoint) && endPoint.Port != 0
            ? endPoint
            : throw new FormatException($"'{text}' is not an address to listen on, which reads like 127.0.0.1:8080");
    }

    /// <exception cref="CommandFault">Somebody else listens there, or it is not this machine's.</exception>
    public static void EnsureFree(IPEndPoint endPoint)
    {
        try
        {
            using var probe = new TcpListener(endPoint);
            probe.Start();
        }
        catch (SocketException fault)
        {
            var why = fault.SocketErrorCode switch
            {
                SocketError.AddressAlreadyInUse => "another program listens there; choose another by --listen",
                SocketError.AccessDenied => "not allowed; ports below 1024 are root's",
                _ => fault.Message,
            };
            throw new CommandFault($"cannot listen on {endPoint}: {why}", CommandFault.Failed, fault);
        }
    }

    /// <summary>A port of the loopback interface that nobody uses now.</summary>
    public static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    /// <summary>How a browser on this machine reaches it.</summary>
    public static Uri UrlOf(IPEndPoint endPoint)
    {
        var host = endPoint.Address.Equals(IPAddress.Any) || endPoint.Address.Equals(IPAddress.IPv6Any)
            ? new IPEndPoint(IPAddress.Loopback, endPoint.Port)
            : endPoint;
        return new Uri($"http://{host}");
    }
}
