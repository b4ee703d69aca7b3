using System.Text;
using BenchmarkDotNet.Attributes;
using Piwheels.Core.AccessLog;
using Piwheels.Core.States;
using Piwheels.Logger.Formats;

namespace Piwheels.Bench.Functions;

/// <summary>What piw-logger does with each line of the web server's log.</summary>
[MemoryDiagnoser]
public class AccessLog
{
    private const string Pip =
        "pip/23.0.1 {\"cpu\":\"armv7l\","
        + "\"distro\":{\"id\":\"bookworm\",\"libc\":{\"lib\":\"glibc\",\"version\":\"2.36\"},"
        + "\"name\":\"Raspbian GNU/Linux\",\"version\":\"12\"},"
        + "\"implementation\":{\"name\":\"CPython\",\"version\":\"3.11.2\"},"
        + "\"installer\":{\"name\":\"pip\",\"version\":\"23.0.1\"},\"openssl_version\":\"OpenSSL 3.0.15 3 Sep 2024\","
        + "\"python\":\"3.11.2\",\"setuptools_version\":\"66.1.1\","
        + "\"system\":{\"name\":\"Linux\",\"release\":\"6.12.47+rpt-rpi-v7\"}}";

    private const string Browser =
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

    private readonly WebRequest _download = Get("/simple/numpy/numpy-2.3.4-cp311-cp311-linux_armv7l.whl", Pip);
    private readonly WebRequest _search = Get("/simple/numpy/", Pip);
    private readonly WebRequest _page = Get("/project/numpy/", Browser);
    private readonly WebRequest _noise = Get("/static/site.css", Browser);

    private readonly LineParser _parser = new(LogFormat.Parse("combined"), new Clock());
    private readonly byte[] _downloadLine = Line("/simple/numpy/numpy-2.3.4-cp311-cp311-linux_armv7l.whl", Pip);
    private readonly byte[] _searchLine = Line("/simple/numpy/", Pip);
    private readonly byte[] _pageLine = Line("/project/numpy/", Browser);
    private readonly byte[] _noiseLine = Line("/static/site.css", Browser);

    [Benchmark]
    public AccessState? The_line_of_a_download_by_pip() => Parsed(_downloadLine);

    [Benchmark]
    public AccessState? The_line_of_a_search_by_pip() => Parsed(_searchLine);

    [Benchmark]
    public AccessState? The_line_of_a_page_in_a_browser() => Parsed(_pageLine);

    [Benchmark]
    public AccessState? The_line_of_what_does_not_count() => Parsed(_noiseLine);

    [Benchmark]
    public AccessState? A_download_by_pip() => AccessClassifier.Classify(_download);

    [Benchmark]
    public AccessState? A_search_by_pip() => AccessClassifier.Classify(_search);

    [Benchmark]
    public AccessState? A_page_in_a_browser() => AccessClassifier.Classify(_page);

    [Benchmark]
    public AccessState? What_does_not_count() => AccessClassifier.Classify(_noise);

    private AccessState? Parsed(byte[] line)
    {
        _ = _parser.Parse(line, out var access);
        return access;
    }

    private static byte[] Line(string target, string agent) => Encoding.UTF8.GetBytes(
        $"192.0.2.7 - - [01/Jan/2026:00:00:00 +0000] \"GET {target} HTTP/1.1\" 200 1234567 \"-\" "
        + $"\"{agent.Replace("\"", "\\\"", StringComparison.Ordinal)}\"");

    private static WebRequest Get(string target, string agent) =>
        new("GET", target, 200, agent, "192.0.2.7", new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    /// <summary>The day of the lines, so that what they say can be.</summary>
    private sealed class Clock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2026, 1, 1, 1, 0, 0, TimeSpan.Zero);
    }
}
