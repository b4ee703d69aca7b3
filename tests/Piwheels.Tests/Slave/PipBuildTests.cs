using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging.Abstractions;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Slave.Building;
using Piwheels.Slave.Limits;
using Piwheels.Slave.Python;
using Piwheels.Slave.Wheels;
using Xunit;

namespace Piwheels.Tests.Slave;

public sealed partial class PipBuildTests : IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly DirectoryInfo _parent = Directory.CreateTempSubdirectory("piw-test-builds-");
    private PythonFacts _python = null!;
    private BuildFolder _folder = null!;

    public async ValueTask InitializeAsync()
    {
        _python = await PythonFacts.FindAsync("/usr/bin/python3", TimeProvider.System, CancellationToken.None);
        _folder = BuildFolder.Create(_parent.FullName, NullLogger.Instance);
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        _parent.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    private Task<BuildResult> BuildAsync(
        SourceIndex index, string package, string version = "1.0", TimeSpan? timeout = null, InspectWheel? inspect = null,
        CancellationToken drop = default)
    {
        var rules = new BuildRules(new ResourceLimits { WallTime = timeout ?? Limit }, []);
        var build = new PipBuild(_python, rules, BuildContainment.None, inspect ?? Inspect, TimeProvider.System, NullLogger.Instance);
        return build.RunAsync(_folder, new Release(PackageName.Parse(package), version), index.Url, drop).WaitAsync(Limit, CancellationToken.None);
    }

    private static InspectedWheel Inspect(string path) => new(
        new FileState(Path.GetFileName(path), new FileInfo(path).Length, "", "", "", "", "", "", null, FileState.NoDependencies),
        WheelContents.Nothing);

    [Fact]
    public async Task The_demo_packages_become_wheels_without_a_download()
    {
        using var index = SourceIndex.OfDemoPackages();

        var greeting = await BuildAsync(index, "piw-demo-greeting", "1.0.0");
        Assert.True(greeting.Status, greeting.Output);
        Assert.Equal(["piw_demo_greeting-1.0.0-py3-none-any.whl"], greeting.Files.Select(file => file.Filename));
        Assert.InRange(greeting.Duration, TimeSpan.FromMilliseconds(50), Limit);
        Assert.Contains("Successfully built piw-demo-greeting", greeting.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_demo_package_in_C_gets_this_machines_tags()
    {
        Assert.SkipUnless(_python is { Compiler: not null, HasHeaders: true }, "There is no compiler.");
        using var index = SourceIndex.OfDemoPackages();

        var fastsum = await BuildAsync(index, "piw-demo-fastsum", "1.0.0");

        Assert.True(fastsum.Status, fastsum.Output);
        Assert.Equal(
            [$"piw_demo_fastsum-1.0.0-{_python.Abi}-{_python.Abi}-{_python.Platform}.whl"],
            fastsum.Files.Select(file => file.Filename));
    }

    [Fact]
    public async Task A_dependency_is_not_built_with_its_dependent()
    {
        using var index = SourceIndex.OfDemoPackages();

        var app = await BuildAsync(index, "piw-demo-app", "1.0.0");

        Assert.True(app.Status, app.Output);
        Assert.Equal(["piw_demo_app-1.0.0-py3-none-any.whl"], app.Files.Select(file => file.Filename));
    }

    [Fact]
    public async Task A_compiler_error_is_a_failed_build_with_the_compilers_words()
    {
        using var index = SourceIndex.OfDemoPackages();

        var broken = await BuildAsync(index, "piw-demo-broken", "1.0.0");

        Assert.False(broken.Status);
        Assert.Empty(broken.Files);
        Assert.Contains("the_answer", broken.Output, StringComparison.Ordinal);
        Assert.EndsWith("\npiw-slave: pip ended with exit status 1\n", broken.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_release_that_the_index_does_not_have_is_a_failed_build()
    {
        using var index = new SourceIndex().Add("tiny");

        var missing = await BuildAsync(index, "tiny", "2.0");

        Assert.False(missing.Status);
        Assert.Contains("No matching distribution", missing.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wheel_that_is_refused_fails_the_build_with_the_reason()
    {
        using var index = new SourceIndex().Add("tiny");

        var refused = await BuildAsync(
            index, "tiny", inspect: path => throw new InvalidDataException($"{Path.GetFileName(path)} has no RECORD"));

        Assert.False(refused.Status);
        Assert.Empty(refused.Files);
        Assert.EndsWith("\npiw-slave: tiny-1.0-py3-none-any.whl has no RECORD\n", refused.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_build_sees_the_environment_of_the_specification_and_none_of_the_slaves()
    {
        Environment.SetEnvironmentVariable("PIW_TEST_SECRET", "hunter2");
        using var index = new SourceIndex().Add("tiny", """
            def before_wheel():
                for name in sorted(os.environ):
                    print(f"<{name}={os.environ[name]}>")
                print(f"<stdin={sys.stdin.read()}>")
                raise SystemExit("that is all")
            """);

        var build = await BuildAsync(index, "tiny");

        var variables = Variable().Matches(build.Output).ToDictionary(m => m.Groups[1].Value, m => m.Groups[2].Value);
        Assert.Equal("1", variables["PIWHEELS_BUILD"]);
        Assert.Equal("file", variables["GIT_ALLOW_PROTOCOL"]);
        Assert.Equal("C.UTF-8", variables["LANG"]);
        Assert.Equal(_folder.Home, variables["HOME"]);
        Assert.Equal(_folder.Temporary, variables["TMPDIR"]);
        Assert.Equal("/dev/null", variables["PIP_CONFIG_FILE"]);
        Assert.Equal("", variables["stdin"]);
        Assert.Contains("/.cargo/bin:", variables["PATH"], StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", build.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("PIP_FIND_LINKS", variables.Keys);
    }

    [Fact]
    public async Task A_build_that_takes_too_long_is_stopped_and_its_log_says_so()
    {
        using var index = new SourceIndex().Add("tiny", """
            def before_wheel():
                import time
                print("I am slow", flush=True)
                time.sleep(600)
            """);

        var slow = await BuildAsync(index, "tiny", timeout: TimeSpan.FromSeconds(5));

        Assert.False(slow.Status);
        Assert.EndsWith(
            "\npiw-slave: the build was stopped after 5 seconds, the longest that it may take\n", slow.Output,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_dropped_build_leaves_no_process_behind()
    {
        var pidFile = Path.Combine(_parent.FullName, "pid");
        using var index = new SourceIndex().Add("tiny", $"""
            def before_wheel():
                import subprocess
                child = subprocess.Popen(["sleep", "600"], start_new_session=True)
                with open("{pidFile}.new", "w") as file:
                    file.write(str(child.pid))
                os.rename("{pidFile}.new", "{pidFile}")
                child.wait()
            """);
        using var drop = new CancellationTokenSource();
        using var watcher = new FileSystemWatcher(_parent.FullName);
        var written = new TaskCompletionSource();
        watcher.Renamed += (_, _) => written.TrySetResult();
        watcher.EnableRaisingEvents = true;

        var build = BuildAsync(index, "tiny", drop: drop.Token);
        await written.Task.WaitAsync(Limit);
        var pid = int.Parse(await File.ReadAllTextAsync(pidFile));
        Assert.True(ProcessTable.TryRead(pid, out _));
        await drop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => build);
        Assert.False(ProcessTable.TryRead(pid, out _));
    }

    [GeneratedRegex("<([A-Za-z_]+)=([^>]*)>")]
    private static partial Regex Variable();
}
