using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;
using Piwheels.Slave.Building;
using Piwheels.Slave.Failures;
using Xunit;

namespace Piwheels.Tests.Slave.Failures;

/// <summary>
/// Why builds failed, by what they printed: tests/data/failures has the whole output of real builds, by pip 23.0.1 on
/// Debian 12, of releases that are there for it or were made to fail.
/// </summary>
public class FailureReaderTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "data", "failures");
    private static readonly Release Tiny = new(PackageName.Parse("tiny"), "1.0");
    private static readonly FailureReader Reader = new(new AptCatalog("/nowhere"));

    public static TheoryData<string, string, string, string, string> Expected =>
        [.. File.ReadLines(Path.Combine(Folder, "expected.tsv")).Select(line => line.Split('\t'))
            .Select(row => new TheoryDataRow<string, string, string, string, string>(row[0], row[1], row[2], row[3], row[4]))];

    private static BuildFailure Read(string log) => Reader.Read(Tiny, log, "pip ended with exit status 1");

    private static BuildFailure Of(BuildEnding ending, string log = "", params string[] refused) =>
        Reader.Read(Tiny, new BuildResult(false, TimeSpan.Zero, log, []) { Ending = ending, RefusedHosts = refused });

    [Theory]
    [MemberData(nameof(Expected))]
    public void What_was_printed_says_why(string log, string release, string word, string apt, string evidence)
    {
        var asked = release.Split("==");

        var failure = Reader.Read(
            new Release(PackageName.Parse(asked[0]), asked[1]), File.ReadAllText(Path.Combine(Folder, log + ".log")),
            "pip ended with exit status 1");

        Assert.Equal((word, apt, evidence), (failure.Class.Word(), failure.AptPackage ?? "", failure.Evidence));
    }

    [Fact]
    public void Each_output_is_in_the_table() => Assert.Equal(
        Directory.GetFiles(Folder, "*.log").Select(path => Path.GetFileNameWithoutExtension(path)).Order(),
        Expected.Select(row => row.Data.Item1).Order());

    [Theory]
    [InlineData(BuildLimit.WallTime, "time-out")]
    [InlineData(BuildLimit.CpuTime, "time-out")]
    [InlineData(BuildLimit.Memory, "out-of-memory")]
    [InlineData(BuildLimit.Disk, "disk-full")]
    [InlineData(BuildLimit.Processes, "limit-reached")]
    [InlineData(BuildLimit.FileSize, "limit-reached")]
    [InlineData(BuildLimit.Output, "limit-reached")]
    public void A_limit_is_the_reason_whatever_was_printed(BuildLimit limit, string word)
    {
        var failure = Of(new BuildEnding.LimitReached(limit, "it took too much"), "x.c:1:1: fatal error: zlib.h: No such file or directory\n");
        Assert.Equal((word, "it took too much"), (failure.Class.Word(), failure.Evidence));
    }

    [Fact]
    public void A_pip_that_the_kernel_killed_had_no_memory() =>
        Assert.Equal(FailureClass.OutOfMemory, Of(new BuildEnding.Signalled(9)).Class);

    [Fact]
    public void A_build_that_ended_well_and_failed_made_no_sound_wheel()
    {
        var failure = Of(new BuildEnding.Exited(0), "Successfully built x\n\npiw-slave: x.whl is broken: it has no RECORD\n");
        Assert.Equal((FailureClass.BadWheel, "x.whl is broken: it has no RECORD"), (failure.Class, failure.Evidence));
    }

    [Fact]
    public void A_network_that_was_refused_will_be_refused_the_next_time_too()
    {
        const string log = "curl: (6) Could not resolve host: example.org\n";
        Assert.Equal(FailureClass.Network, Of(new BuildEnding.Exited(1), log).Class);
        var refused = Of(new BuildEnding.Exited(1), log, "example.org:443");
        Assert.Equal(FailureClass.NetworkRefused, refused.Class);
        Assert.StartsWith("example.org:443 is not where", refused.Evidence, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n\n\n")]
    [InlineData("all is well")]
    public void What_says_nothing_is_unknown_with_how_it_ended(string log)
    {
        var failure = Read(log);
        Assert.Equal((FailureClass.Unknown, "pip ended with exit status 1"), (failure.Class, failure.Evidence));
    }

    [Theory]
    [InlineData("x.c:1:1: fatal error: a.h: No such file or directory", "x.c:2:2: error: wrong type", FailureClass.CompilerError)]
    [InlineData("x.c:2:2: error: wrong type", "x.c:1:1: fatal error: a.h: No such file or directory", FailureClass.MissingHeader)]
    [InlineData("No space left on device", "x.c:2:2: error: wrong type", FailureClass.DiskFull)]
    [InlineData("x.c:2:2: error: wrong type", "error: command 'gcc' failed with exit code 1", FailureClass.CompilerError)]
    public void Of_what_weighs_the_same_the_last_counts(string first, string last, FailureClass expected) =>
        Assert.Equal(expected, Read($"{first}\n{last}\n").Class);

    [Theory]
    [InlineData("  12 | #error \"fatal error: a.h: No such file or directory\"")]
    [InlineData("x.c:1:1: warning: something that had an error: zlib.h: No such file or directory")]
    [InlineData("ERROR: Failed building wheel for tiny")]
    public void What_only_looks_like_a_reason_is_none(string line) => Assert.Equal(FailureClass.Unknown, Read(line).Class);

    [Fact]
    public void A_long_log_of_anything_is_read_in_little_time()
    {
        var start = TimeProvider.System.GetTimestamp();
        foreach (var line in new[] { "error: ", "fatal error: ", "ERROR: requires python ", "No package '", "\u001b[31m not found ", "a.b.c.D" })
        {
            Read(string.Concat(Enumerable.Repeat(line, 2_000_000 / line.Length)));
            Read(string.Concat(Enumerable.Repeat(line + line + "\n", 500_000 / line.Length)));
        }

        Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(30));
    }

    [Fact]
    public void A_header_of_a_package_that_is_installed_is_found_in_dpkgs_lists()
    {
        using var root = new Piwheels.Testing.TemporaryFolder();
        var info = Directory.CreateDirectory(Path.Combine(root.Path, "var/lib/dpkg/info"));
        File.WriteAllText(Path.Combine(info.FullName, "libfoo-dev:armhf.list"), "/usr/include/foo-2/foo/bar.h\n/usr/share/doc/bar.h\n");
        var reader = new FailureReader(new AptCatalog(root.Path));

        string? Apt(string header) =>
            reader.Read(Tiny, $"x.c:1:1: fatal error: {header}: No such file or directory", "").AptPackage;

        Assert.Equal("libfoo-dev", Apt("foo/bar.h"));
        Assert.Equal("libfoo-dev", Apt("bar.h"));
        Assert.Null(Apt("r.h"));
        Assert.Equal("libpq-dev", Apt("libpq-fe.h"));
    }
}
