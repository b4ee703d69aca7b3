using System.Globalization;
using System.Text;

namespace Piwheels.Bench.Logging;

/// <summary>A web server's log in the combined format: downloads by pip, of some hundred kinds of machines.</summary>
internal static class MadeUpLog
{
    private const int Packages = 5_000;
    private const int Machines = 300;

    /// <summary>Writes so many lines of the last hour, each another download.</summary>
    public static void Write(string path, int lines, TimeProvider time)
    {
        var now = time.GetUtcNow();
        using var writer = new StreamWriter(path, append: false, new UTF8Encoding(false), bufferSize: 1 << 20);
        for (var i = 0; i < lines; i++)
        {
            var at = now.AddSeconds(i * 3_000.0 / lines - 3_600).ToString("dd/MMM/yyyy:HH:mm:ss", CultureInfo.InvariantCulture);
            var package = i % Packages;
            writer.Write($"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255} - - [{at} +0000] \"GET /simple/pkg{package}/pkg{package}-{i}.0-");
            writer.Write($"cp311-cp311-linux_armv7l.whl HTTP/1.1\" 200 {i + 10_000} \"-\" \"{Agent(i % Machines)}\"\n");
        }
    }

    private static string Agent(int machine) =>
        ("pip/23.0.1 {\"ci\":null,\"cpu\":\"armv7l\",\"distro\":{\"id\":\"bookworm\",\"libc\":{\"lib\":\"glibc\",\"version\":\"2.36\"},"
        + "\"name\":\"Raspbian GNU/Linux\",\"version\":\"12\"},\"implementation\":{\"name\":\"CPython\",\"version\":\"3.11.2\"},"
        + "\"installer\":{\"name\":\"pip\",\"version\":\"23.0.1\"},\"openssl_version\":\"OpenSSL 3.0.15 3 Sep 2024\","
        + "\"python\":\"3.11.2\",\"setuptools_version\":\"66.1.1\",\"system\":{\"name\":\"Linux\","
        + $"\"release\":\"6.12.{machine}+rpt-rpi-v7\"}}}}").Replace("\"", "\\\"", StringComparison.Ordinal);
}
