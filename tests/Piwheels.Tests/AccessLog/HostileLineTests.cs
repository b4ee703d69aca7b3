using System.Diagnostics;
using System.Text;
using FsCheck.Xunit;
using Microsoft.Extensions.Time.Testing;
using Piwheels.Core.States;
using Piwheels.Logger.Formats;
using Xunit;

namespace Piwheels.Tests.AccessLog;

/// <summary>Whatever stands in a log: it is counted as what it is, and ends nothing.</summary>
public sealed class HostileLineTests
{
    private readonly LineParser _parser;

    public HostileLineTests() => _parser = Parser("combined");

    [Theory]
    [InlineData("x", LineOutcome.Unreadable)]
    [InlineData("", LineOutcome.Nothing)]
    [InlineData("\r", LineOutcome.Nothing)]
    [InlineData("\0\u0001\u0002\u001b[31m", LineOutcome.Unreadable)]
    [InlineData("""192.0.2.7 - - [02/Jan/2026:03:04:05 +0000] "GET / HTTP/1.1" 200 5 "-" "curl""", LineOutcome.Unreadable)]
    [InlineData("""192.0.2.7 - - [02/Jan/2026:03:04:05 +0000] "-" 408 5 "-" "curl" """, LineOutcome.Nothing)]
    [InlineData("""192.0.2.7 - - [02/Jan/2026:03:04:05 +0000] "\x16\x03\x01" 400 5 "-" "-" """, LineOutcome.Nothing)]
    [InlineData("""192.0.2.7 - - [02/Jan/2026:03:04:05 +0000] "GET / HTTP/1.1" 200 5 "-" "-" """, LineOutcome.Nothing)]
    [InlineData("""192.0.2.7 - - [02/Jan/2026:03:04:05 +0000] "GET / HTTP/1.1" 2000 5 "-" "x" """, LineOutcome.Nothing)]
    [InlineData("""host.example - - [02/Jan/2026:03:04:05 +0000] "GET / HTTP/1.1" 200 5 "-" "x" """, LineOutcome.NoAddress)]
    [InlineData("""999.0.2.7 - - [02/Jan/2026:03:04:05 +0000] "GET / HTTP/1.1" 200 5 "-" "x" """, LineOutcome.NoAddress)]
    [InlineData("""1 - - [02/Jan/2026:03:04:05 +0000] "GET / HTTP/1.1" 200 5 "-" "x" """, LineOutcome.NoAddress)]
    [InlineData("""fe80::1%eth0 - - [02/Jan/2026:03:04:05 +0000] "GET / HTTP/1.1" 200 5 "-" "x" """, LineOutcome.NoAddress)]
    [InlineData(""" - - [02/Jan/2026:03:04:05 +0000] "GET / HTTP/1.1" 200 5 "-" "x" """, LineOutcome.NoAddress)]
    [InlineData("""192.0.2.7 - - [02/Jan/0000:03:04:05 +0000] "GET / HTTP/1.1" 200 5 "-" "x" """, LineOutcome.NoDate)]
    [InlineData("""192.0.2.7 - - [01/Jan/0001:00:00:00 +9999] "GET / HTTP/1.1" 200 5 "-" "x" """, LineOutcome.NoDate)]
    [InlineData("""192.0.2.7 - - [01/Jan/0001:00:00:00 +2300] "GET / HTTP/1.1" 200 5 "-" "x" """, LineOutcome.NoDate)]
    [InlineData("""192.0.2.7 - - [31/Dec/9999:23:59:59 -2300] "GET / HTTP/1.1" 200 5 "-" "x" """, LineOutcome.NoDate)]
    [InlineData("""192.0.2.7 - - [02/Feb/2027:03:04:05 +0000] "GET / HTTP/1.1" 200 5 "-" "x" """, LineOutcome.NoDate)]
    [InlineData("""192.0.2.7 - - [30/Feb/2026:03:04:05 +0000] "GET / HTTP/1.1" 200 5 "-" "x" """, LineOutcome.NoDate)]
    [InlineData("""192.0.2.7 - - [00/Jan/2026:24:60:61 +0000] "GET / HTTP/1.1" 200 5 "-" "x" """, LineOutcome.NoDate)]
    [InlineData("""192.0.2.7 - - [02/Foo/2026:03:04:05 +0000] "GET / HTTP/1.1" 200 5 "-" "x" """, LineOutcome.Unreadable)]
    [InlineData("""192.0.2.7 - - [02/Jan/2026:03:04:60 +0000] "GET / HTTP/1.1" 200 5 "-" "x" """, LineOutcome.Counts)]
    [InlineData("""2001:db8::7 - - [02/Jan/2026:03:04:05 +0000] "GET / HTTP/1.1" 200 5 "-" "\x00\xed\xa0\x80" """, LineOutcome.Counts)]
    [InlineData("""192.0.2.7 - - [02/Jan/2026:03:04:05 +0000] "GET /simple/a/\x00.whl HTTP/1.1" 200 5 "-" "x" """, LineOutcome.Nothing)]
    [InlineData("""192.0.2.7 - - [02/Jan/2026:03:04:05 +0000] "GET /simple/a/%00.whl HTTP/1.1" 200 5 "-" "x" """, LineOutcome.Nothing)]
    public void Each_line_is_counted_as_what_it_is(string line, LineOutcome outcome)
    {
        Assert.Equal(outcome, Parse(line.TrimEnd(' '), out var access));
        Assert.Equal(outcome == LineOutcome.Counts, access is not null);
    }

    [Theory]
    [InlineData("""{"cpu":"\u0000"}""")]
    [InlineData("""{"cpu":"\ud800"}""")]
    [InlineData("""{"cpu":"\udc00\ud800"}""")]
    [InlineData("""{"cpu":1e999999,"python":123456789012345678901234567890,"distro":[[[[[]]]]]}""")]
    [InlineData("""{"cpu":"a","cpu":"b","distro":{"name":"x","name":["y"]},"cpu":null}""")]
    [InlineData("""[{"cpu":"a"}]""")]
    [InlineData("""{"cpu":"a"}{"cpu":"b"}""")]
    [InlineData("{")]
    [InlineData("""{"cpu":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}}}}}}""")]
    public void Json_of_every_kind_leaves_the_download_counted_with_texts_that_the_database_takes(string json)
    {
        var line = Line("/simple/a/a-1-py3-none-any.whl", "pip/1 " + json.Replace("\"", "\\\"", StringComparison.Ordinal));
        Assert.Equal(LineOutcome.Counts, Parse(line, out var access));
        var told = Assert.IsType<DownloadState>(access).Installer;
        foreach (var text in (string?[])[told.Arch, told.DistroName, told.PyVersion])
        {
            Assert.DoesNotContain('\0', text ?? "");
            Assert.True(text is null || Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)) == text);
        }
    }

    [Fact]
    public void Deep_nesting_and_long_agents_tell_nothing_and_are_counted()
    {
        foreach (var agent in (string[])[string.Concat(Enumerable.Repeat("[", 100_000)), "{\\\"cpu\\\":\\\"" + new string('x', 100_000)])
        {
            Assert.Equal(LineOutcome.Counts, Parse(Line("/simple/a/a-1-py3-none-any.whl", "pip/1 " + agent), out var access));
            Assert.Equal(InstallerState.Unknown, Assert.IsType<DownloadState>(access).Installer);
        }

        Assert.Equal(LineOutcome.Counts, Parse(Line("/", new string('y', 100_000)), out var page));
        Assert.Equal(200, Assert.IsType<PageState>(page).UserAgent.Length);
        Assert.Equal(LineOutcome.TooLong, Parse(Line("/", new string('y', 1_000_000)), out _));
    }

    [Fact]
    public void A_line_that_could_be_read_in_many_ways_is_given_up_soon()
    {
        var parser = Parser("%u a %u a %u a %u a %u a %u a %u a %u a %u b %h %t \"%r\" %s %{User-Agent}i");
        var line = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("x a ", 30_000)));
        var began = Stopwatch.GetTimestamp();
        Assert.Equal(LineOutcome.Unreadable, parser.Parse(line, out _));
        Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(30));
    }

    [Fact]
    public void More_agents_than_are_kept_are_read_all_the_same()
    {
        for (var i = 0; i < AgentBook.CountMax * 2; i++)
        {
            Assert.Equal(LineOutcome.Counts, Parse(Line("/", $"agent{i}"), out var access));
            Assert.Equal($"agent{i}", Assert.IsType<PageState>(access).UserAgent);
        }
    }

    [Property(MaxTest = 300)]
    public void No_bytes_make_it_fail(byte[] bytes)
    {
        _ = _parser.Parse(bytes, out _);
        byte[] line = [.. "192.0.2.7 - - [02/Jan/2026:03:04:05 +0000] \"GET /simple/a/"u8, .. bytes,
            .. "\" 200 5 \"-\" \"pip/1 {"u8, .. bytes, (byte)'"'];
        _ = _parser.Parse(line, out _);
    }

    [Property(MaxTest = 300)]
    public void No_change_of_a_good_line_makes_it_fail(int place, byte value)
    {
        var line = Encoding.UTF8.GetBytes(Line("/simple/a/a-1-py3-none-any.whl", """pip/1 {\"cpu\":\"x\",\"distro\":{\"name\":\"y\"}}"""));
        line[(int)((uint)place % line.Length)] = value;
        _ = _parser.Parse(line, out _);
        _ = _parser.Parse(line.AsSpan((int)((uint)place % line.Length)), out _);
    }

    private static string Line(string target, string agent) =>
        $"192.0.2.7 - - [02/Jan/2026:03:04:05 +0000] \"GET {target} HTTP/1.1\" 200 5 \"-\" \"{agent}\"";

    private static LineParser Parser(string format) =>
        new(LogFormat.Parse(format), new FakeTimeProvider(new DateTimeOffset(2026, 1, 2, 4, 0, 0, TimeSpan.Zero)));

    private LineOutcome Parse(string line, out AccessState? access) => _parser.Parse(Encoding.UTF8.GetBytes(line), out access);
}
