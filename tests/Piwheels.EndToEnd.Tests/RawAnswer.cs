using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Piwheels.Testing;

namespace Piwheels.EndToEnd.Tests;

/// <summary>A server's answer to a request that is sent byte by byte as it is told, which no client library would.</summary>
internal sealed record RawAnswer(int Status, ILookup<string, string> Headers, string Text)
{
    public static async Task<RawAnswer> AskAsync(
        int port, string method, string target, IEnumerable<string> headers, CancellationToken ct)
    {
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(IPAddress.Loopback, port, ct);
        await using var stream = tcp.GetStream();
        string[] head = [$"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close", .. headers, "", ""];
        var received = new MemoryStream();
        try
        {
            await stream.WriteAsync(Encoding.Latin1.GetBytes(string.Join("\r\n", head)), ct);
            await stream.CopyToAsync(received, ct).Within();
        }
        catch (IOException) when (received.Length > 0)
        {
            // It answered, and closed with bytes of the request unread
        }

        return Read(received.ToArray());
    }

    private static RawAnswer Read(byte[] received)
    {
        var end = received.AsSpan().IndexOf("\r\n\r\n"u8);
        var lines = Encoding.Latin1.GetString(received, 0, Math.Max(0, end)).Split("\r\n");
        var status = lines[0].Split(' ') is ["HTTP/1.1", var number, ..] ? int.Parse(number, null) : 0;
        var headers = lines.Skip(1).Select(line => line.Split(':', 2))
            .ToLookup(line => line[0], line => line[1].Trim(), StringComparer.OrdinalIgnoreCase);
        byte[] body = end < 0 ? [] : received[(end + 4)..];
        if (headers["Transfer-Encoding"].Contains("chunked")) body = Joined(body);
        if (body.Length > 0 && headers["Content-Encoding"].Contains("gzip"))
        {
            using var unpacked = new GZipStream(new MemoryStream(body), CompressionMode.Decompress);
            return new RawAnswer(status, headers, new StreamReader(unpacked).ReadToEnd());
        }

        return new RawAnswer(status, headers, Encoding.UTF8.GetString(body));
    }

    // RFC 9112 section 7.1
    private static byte[] Joined(byte[] chunks)
    {
        var joined = new List<byte>();
        var rest = chunks.AsSpan();
        while (rest.IndexOf("\r\n"u8) is >= 0 and var end)
        {
            var size = int.Parse(
                Encoding.ASCII.GetString(rest[..end]), System.Globalization.NumberStyles.HexNumber, null);
            if (size == 0) break;
            joined.AddRange(rest.Slice(end + 2, size));
            rest = rest[(end + 2 + size + 2)..];
        }

        return [.. joined];
    }
}
