using System.Text;
using FsCheck.Xunit;
using Piwheels.Core.Failures;
using Piwheels.Slave.Building;
using Piwheels.Slave.Limits;
using Piwheels.Slave.Trials;
using Piwheels.Slave.Wheels;
using Piwheels.Testing;
using Piwheels.Tests.Slave.Wheels;
using Xunit;

namespace Piwheels.Tests.Slave.Trials;

/// <summary>What an import says about a wheel, by what the loaders of the GNU C library and of musl say.</summary>
public sealed class TrialVerdictTests
{
    private const string Core = "thing/_core.cpython-311-x86_64-linux-gnu.so";
    private static readonly BuildEnding Well = new BuildEnding.Exited(0);

    private static readonly WheelContents Contents = new(
        ["thing/__init__.py", Core, "thing.libs/libin.so.1"],
        [Object(Core, "libowned.so.1", "libnowhere.so.7", "libin.so.1")],
        new SystemNeeds(["libowned1"], ["libnowhere.so.7"]) { Owned = new HashSet<string> { "libowned.so.1" } });

    private static WheelObject Object(string path, params string[] needed)
    {
        Assert.True(ElfFile.TryRead(new MemoryStream(new ElfMaker { Needed = needed }.ToBytes()), out var elf));
        return new WheelObject(path, elf);
    }

    private static TrialReport Report(params string[] lines) => TrialReport.Parse(Encoding.UTF8.GetBytes(string.Join('\n', lines)));

    private static BuildFailure? FailureOf(BuildEnding ending, params string[] lines) =>
        new TrialVerdict(Contents).Failure(Report(lines), ending);

    private static string Fault(string text, string kind = "ImportError") =>
        $$"""{"event": "fault", "error": "{{kind}}", "kind": "{{kind}}", "text": "{{text}}", "file": null, "loading": "{{Core}}"}""";

    private static string Raised(string text, string error = "ImportError", string kind = "ImportError", string file = "null") =>
        $$"""{"event": "raised", "error": "{{error}}", "kind": "{{kind}}", "text": "{{text}}", "file": {{file}}, "module": "thing"}""";

    [Theory]
    [InlineData($"{Core}: undefined symbol: nowhere", "import-failed")]
    [InlineData($"{Core}: symbol gone, version V1 not defined in file libowned.so.1 with link time reference", "import-failed")]
    [InlineData($"{Core}: wrong ELF class: ELFCLASS32", "import-failed")]
    [InlineData($"{Core}: invalid ELF header", "import-failed")]
    [InlineData($"{Core}: cannot open shared object file: No such file or directory", "import-failed")]
    [InlineData($"/lib/libc.so.6: version `GLIBC_2.99' not found (required by {Core})", "import-failed")]
    [InlineData("thing/../thing.libs/libin.so.1: undefined symbol: nowhere", "import-failed")]
    [InlineData("libnowhere.so.7: cannot open shared object file: No such file or directory", "missing-library")]
    [InlineData("libin.so.1: cannot open shared object file: No such file or directory", "missing-library")]
    [InlineData($"Error loading shared library libnowhere.so.7: No such file or directory (needed by {Core})", "missing-library")]
    [InlineData($"Error relocating {Core}: nowhere: symbol not found", "import-failed")]
    public void The_wheels_own_machine_code_fails_it(string text, string word)
    {
        Assert.Equal(word, FailureOf(Well, Fault(text))?.Class.Word());
        Assert.Equal(word, FailureOf(Well, Fault(text, "OSError"))?.Class.Word());
        Assert.Equal(word, FailureOf(Well, Raised(text))?.Class.Word());
        Assert.Equal($"{Core}: ImportError: {text}", FailureOf(Well, Fault(text))!.Evidence);
    }

    [Theory]
    [InlineData("other/_core.so: undefined symbol: nowhere")]
    [InlineData("/usr/lib/libowned.so.1: undefined symbol: nowhere")]
    [InlineData("libowned.so.1: cannot open shared object file: No such file or directory")]
    [InlineData("libstranger.so.1: cannot open shared object file: No such file or directory")]
    [InlineData($"{Core}: cannot allocate memory in static TLS block")]
    [InlineData($"{Core}: failed to map segment from shared object")]
    [InlineData("numpy.core.multiarray failed to import")]
    [InlineData("No module named 'numpy'")]
    [InlineData("")]
    public void Anything_else_does_not(string text)
    {
        Assert.Null(FailureOf(Well, Fault(text)));
        Assert.Null(FailureOf(Well, Raised(text)));
    }

    [Fact]
    public void The_words_of_a_loader_count_only_in_errors_of_its_kind() =>
        Assert.Null(FailureOf(Well, Raised($"{Core}: undefined symbol: nowhere", "RuntimeError", "")));

    [Fact]
    public void A_missing_first_function_counts_when_the_package_does_not_go_on_without()
    {
        const string text = "dynamic module does not define module export function (PyInit__core)";
        Assert.Null(FailureOf(Well, Fault(text)));
        Assert.Null(FailureOf(Well, Raised(text, file: "\"other/_core.so\"")));
        Assert.Equal(FailureClass.ImportFailed, FailureOf(Well, Raised(text, file: $"\"{Core}\""))?.Class);
    }

    [Theory]
    [InlineData(11, true)]
    [InlineData(6, true)]
    [InlineData(4, true)]
    [InlineData(9, false)]
    [InlineData(15, false)]
    public void A_crash_counts_while_a_module_of_the_wheel_is_loaded(int signal, bool fails)
    {
        var ending = new BuildEnding.Signalled(signal);
        var (load, loaded) = ($$"""{"event": "load", "file": "{{Core}}"}""", $$"""{"event": "loaded", "file": "{{Core}}"}""");
        Assert.Equal(fails, FailureOf(ending, load) is not null);
        Assert.Null(FailureOf(ending, load, loaded));
        Assert.Null(FailureOf(ending, load, """{"event": "load", "file": "numpy/core.so"}"""));
        Assert.Null(FailureOf(Well, load));
    }

    [Fact]
    public void Without_a_failure_what_did_not_go_well_is_a_doubt()
    {
        var limits = new ResourceLimits { WallTime = TimeSpan.FromSeconds(60) };
        Assert.Null(Doubt(Well, """{"event": "end"}"""));
        Assert.Equal("its import ended before it was through", Doubt(Well));
        Assert.Equal("its import ended before it was through", Doubt(new BuildEnding.Exited(3), """{"event": "end"}"""));
        Assert.Equal("its import was ended by SIGABRT", Doubt(new BuildEnding.Signalled(6)));
        Assert.Equal("its import was ended by signal 15", Doubt(new BuildEnding.Signalled(15)));
        Assert.Equal("its import did not end within 60 seconds", Doubt(LimitCheck.WallTime(limits)));
        Assert.Equal(
            "importing thing raised KeyError: 'HOME'", Doubt(Well, Raised("'HOME'", "KeyError", ""), """{"event": "end"}"""));

        string? Doubt(BuildEnding ending, params string[] lines) => TrialVerdict.Doubt(Report(lines), ending, limits);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("7")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"event\": 7}")]
    [InlineData("{\"event\": \"load\", \"file\": [")]
    [InlineData("{\"event\": \"load\", \"file\": {\"a\": [1, 2]}}")]
    [InlineData("{\"event\": \"\\ud800\"}")]
    public void What_is_no_line_of_a_report_is_passed_over(string line)
    {
        Assert.Empty(Report(line).Events);
        Assert.Equal(["end"], Report(line, """{"event": "end", "more": 1}""", line).Events.Select(each => each.Event));
        Assert.Empty(Report(new string('[', 100_000)).Events);
    }

    [Property(MaxTest = 1_000)]
    public bool Any_bytes_are_a_report(byte[] bytes)
    {
        var report = TrialReport.Parse(bytes);
        _ = new TrialVerdict(Contents).Failure(report, Well);
        return report.Loading.Count <= report.Events.Count;
    }

    [Property(MaxTest = 1_000)]
    public bool Any_text_of_an_error_gets_an_answer(string? text)
    {
        var json = System.Text.Json.JsonSerializer.Serialize(text);
        _ = FailureOf(Well, $$"""{"event": "raised", "kind": "OSError", "text": {{json}}, "module": {{json}}}""");
        return true;
    }

    [Fact]
    public void A_long_text_is_answered_in_little_time()
    {
        var start = TimeProvider.System.GetTimestamp();
        foreach (var part in new[] { "a: ", ": version `", "(required by ", "Error relocating ", "symbol x version ", "a" })
            _ = FailureOf(Well, Raised(string.Concat(Enumerable.Repeat(part, 900_000 / part.Length))));
        Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(20));
    }

    [Fact]
    public void A_report_is_a_plain_file_and_read_up_to_its_limit()
    {
        using var folder = new TemporaryFolder();
        Assert.Empty(TrialReport.Read(folder["missing"]).Events);
        Assert.Empty(TrialReport.Read(folder.Path).Events);
        folder.Write("report", "{\"event\": \"end\"}\n" + new string('\n', TrialReport.BytesMax) + "{\"event\": \"load\"}\n");
        Assert.Single(TrialReport.Read(folder["report"]).Events);
        File.CreateSymbolicLink(folder["link"], folder["report"]);
        Assert.Empty(TrialReport.Read(folder["link"]).Events);
    }
}
