using System.Text;
using Microsoft.Extensions.Time.Testing;
using Piwheels.Core.States;
using Piwheels.Logger.Formats;
using Xunit;

namespace Piwheels.Tests.AccessLog;

/// <summary>Formats of web servers' logs, and the lines that these write.</summary>
public sealed class LogFormatTests
{
    private const string Combined = """%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i" """;
    private static readonly DateTimeOffset At = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static readonly PageState Home = new("home", "192.0.2.7", At, "curl");

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 2, 4, 0, 0, TimeSpan.Zero));

    [Theory]
    [InlineData("combined", """192.0.2.7 - - [02/Jan/2026:03:04:05 +0000] "GET / HTTP/1.1" 200 5123 "-" "curl/8.1" """)]
    [InlineData("combined", """192.0.2.7 - - [02/Jan/2026:04:34:05 +0130] "GET / HTTP/2.0" 200 - "http://x/\"y\"" "curl/8.1" """)]
    [InlineData("combined", """192.0.2.7 - a user [x] "y" [01/Jan/2026:22:04:05 -0500] "GET /" 200 0 "" "curl" """)]
    [InlineData("combined_vhost", """www.example.org:443 192.0.2.7 - - [02/Jan/2026:03:04:05 +0000] "GET / HTTP/1.1" 200 5 "-" "curl/8" """)]
    [InlineData("""%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\" """, """192.0.2.7 - - [02/Jan/2026:03:04:05 +0000] "GET / HTTP/1.1" 200 5 "-" "curl/8" """)]
    [InlineData("""%a|%{User-Agent}i|%m|%U%q|%s|%{sec}t""", "192.0.2.7|curl/8|GET|/index.html?a=b|200|1767323045")]
    [InlineData("""%{msec}t %a %s %m %U "%{user-agent}i" %D %T %{ms}T %O %I %S %X %k %L %P %{tid}P %v %V %p %{local}p %A %H %f %R""",
        """1767323045000 192.0.2.7 200 GET / "curl/8" 12 0 1 2 3 4 + 0 - 7 8 a b 80 80 10.0.0.1 HTTP/1.1 /var/www -""")]
    [InlineData("""%{usec}t %h %>s "%r" %{User-Agent}i""", """1767323045000000 192.0.2.7 200 "GET / HTTP/1.1" curl/8.1 with blanks""")]
    [InlineData("""[%{%d/%b/%Y %T}t.%{msec_frac}t %{%z}t] %h %s "%r" "%{User-Agent}i" """, """[02/Jan/2026 03:04:05.000 +0000] 192.0.2.7 200 "GET / HTTP/1.1" "curl" """)]
    [InlineData("""%{begin:%Y-%m-%dT%H:%M:%S%z}t %h %s "%r" "%{User-Agent}i" """, """2026-01-02T05:04:05+02:00 192.0.2.7 200 "GET / HTTP/1.1" "curl" """)]
    [InlineData("""%{end:%A, %e %B %Y, %I.%M.%S %p Z%%}t %h %s "%r" "%{User-Agent}i" """, """Friday,  2 January 2026, 03.04.05 AM Z% 192.0.2.7 200 "GET / HTTP/1.1" "curl" """)]
    [InlineData("""%{%c %s}t %h %s "%r" "%{User-Agent}i" """, """Fri Jan  2 03:04:05 2026 1767323045 192.0.2.7 200 "GET / HTTP/1.1" "curl" """)]
    [InlineData("""%{%F %R:%S}t %h %s "%r" "%!404{User-Agent}i" %200,304{X}i""", """2026-01-02 03:04:05 192.0.2.7 200 "GET / HTTP/1.1" "curl" -""")]
    [InlineData("""%h %{c}a %a %t %s "%r" "%{User-Agent}i" """, """a.host.example 198.51.100.1 192.0.2.7 [02/Jan/2026:03:04:05 +0000] 200 "GET / HTTP/1.1" "curl" """)]
    [InlineData("""%%\t%h %t %s "%r" "%{User-Agent}i" %{X}^ti %{Y}^to %^FB %{Z}o %{W}e %{V}n %{C}C %{S}x end""", "%\t192.0.2.7 [02/Jan/2026:03:04:05 +0000] 200 \"GET / HTTP/1.1\" \"curl\" - - 5 - - - - - end")]
    public void A_line_is_read_as_its_format_says(string format, string line) =>
        Assert.Equal((LineOutcome.Counts, Home), Parse(format.TrimEnd(' '), line.TrimEnd(' ')));

    [Theory]
    [InlineData("common")]
    [InlineData("common_vhost")]
    public void A_format_without_agents_says_that_nothing_of_it_counts(string format) =>
        Assert.Equal(["the user agent (%{User-Agent}i)"], LogFormat.Parse(format).Lacks);

    [Fact]
    public void What_a_format_needs_to_count_is_told()
    {
        Assert.Empty(LogFormat.Parse("combined").Lacks);
        Assert.Equal(5, LogFormat.Parse("%v %{X}i").Lacks.Count);
        Assert.Equal(
            LineOutcome.Nothing, Parse("common", """192.0.2.7 - - [02/Jan/2026:03:04:05 +0000] "GET / HTTP/1.1" 200 5""").Outcome);
    }

    [Theory]
    [InlineData("%h%l", "nothing stands between")]
    [InlineData("%h %{User-Agent", "no closing brace")]
    [InlineData("%h %>", "beginning of a directive")]
    [InlineData("%h %", "beginning of a directive")]
    [InlineData("%h %Z", "'%Z' is no directive")]
    [InlineData("%h %^xx", "is no directive")]
    [InlineData("%h %i", "says nothing without a name")]
    [InlineData("%h %{%Q}t", "has %Q")]
    [InlineData("combine", "none of common, common_vhost, combined")]
    public void What_is_no_format_is_refused_with_a_reason(string format, string reason) =>
        Assert.Contains(reason, Assert.Throws<FormatException>(() => LogFormat.Parse(format)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("""\"quoted\" \\ \x41\x2f\x5c\n\t\r\v\b\f\q\x4""", "\"quoted\" \\ A/\\\n\t\r\v\b\f\\q\\x4")]
    [InlineData("""\xc3\xa9\xff\x00.""", "é\uFFFD\0.")]
    [InlineData("plain", "plain")]
    [InlineData("""\""", """\""")]
    public void Escapes_are_taken_back(string field, string text) =>
        Assert.Equal(text, EscapedText.ToText(Encoding.UTF8.GetBytes(field), new byte[field.Length]));

    [Fact]
    public void What_pip_says_is_read_escaped_by_either_server_or_by_none()
    {
        const string Agent = """pip/23.0.1 {"cpu":"armv7l","distro":{"name":"Raspbian","version":"12"},"python":"3.11.2"}""";
        var expected = new DownloadState(
            "a-1-py3-none-any.whl", "192.0.2.7", At,
            InstallerState.Unknown with { Arch = "armv7l", DistroName = "Raspbian", DistroVersion = "12", PyVersion = "3.11.2" });
        foreach (var quote in (string[])["\\\"", "\\x22", "\""])
        {
            var line = $"192.0.2.7 - - [02/Jan/2026:03:04:05 +0000] \"GET /simple/a/a-1-py3-none-any.whl HTTP/1.1\" 200 5 \"-\" "
                + $"\"{Agent.Replace("\"", quote, StringComparison.Ordinal)}\"";
            Assert.Equal((LineOutcome.Counts, expected), Parse("combined", line));
        }
    }

    [Fact]
    public void A_client_cannot_make_a_line_say_something_else()
    {
        // A quote that it sends is escaped, so what it says stays one field
        var (outcome, access) = Parse(
            Combined.TrimEnd(),
            """192.0.2.7 - - [02/Jan/2026:03:04:05 +0000] "GET /x\" 200 5 \"-\" \"curl HTTP/1.1" 404 5 "-" "x\" 200 5 \"-\" \"curl" """.TrimEnd());
        Assert.Equal((LineOutcome.Nothing, null), (outcome, access));
    }

    [Fact]
    public void A_decoded_path_is_not_decoded_again()
    {
        var (_, access) = Parse("%m %U%q %s %h %t %{User-Agent}i",
            "GET /simple/a/a%2fb-1-py3-none-any.whl 200 192.0.2.7 [02/Jan/2026:03:04:05 +0000] curl");
        Assert.Equal("a%2fb-1-py3-none-any.whl", Assert.IsType<DownloadState>(access).Filename);
    }

    [Fact]
    public void A_time_without_an_offset_is_the_machines_own()
    {
        _time.SetLocalTimeZone(TimeZoneInfo.CreateCustomTimeZone("one ahead", TimeSpan.FromHours(1), null, null));
        var (_, access) = Parse("%{%F %T}t %h %s \"%r\" %{User-Agent}i", "2026-01-02 04:04:05 192.0.2.7 200 \"GET /\" curl");
        Assert.Equal(Home, access);
    }

    private (LineOutcome Outcome, AccessState? Access) Parse(string format, string line)
    {
        var outcome = new LineParser(LogFormat.Parse(format), _time).Parse(Encoding.UTF8.GetBytes(line), out var access);
        return (outcome, access);
    }
}
