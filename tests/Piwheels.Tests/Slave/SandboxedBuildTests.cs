using Microsoft.Extensions.Logging;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Slave;
using Piwheels.Slave.Building;
using Piwheels.Slave.Limits;
using Piwheels.Slave.Python;
using Piwheels.Slave.Sandboxing;
using Piwheels.Slave.Wheels;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Slave;

/// <summary>The sandbox as a slave chooses and uses it, with real builds.</summary>
public sealed class SandboxedBuildTests : IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(4);

    private readonly DirectoryInfo _parent = Directory.CreateTempSubdirectory("piw-test-sandbox-");
    private readonly RecordedLog _log = new();
    private readonly SourceIndex _index = new();
    private PythonFacts _python = null!;

    private ILogger Logger => _log.CreateLogger("slave");

    public async ValueTask InitializeAsync() =>
        _python = await PythonFacts.FindAsync("/usr/bin/python3", TimeProvider.System, CancellationToken.None);

    public ValueTask DisposeAsync()
    {
        _index.Dispose();
        _parent.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    private Task<BuildSandbox?> MakeAsync(SandboxMode mode, PythonFacts python, params string[] folders) =>
        SandboxChoice.MakeAsync(
            mode, python, _parent.FullName, folders, TimeProvider.System, Logger, CancellationToken.None).WaitAsync(Limit);

    private async Task<BuildResult> BuildAsync(string package, BuildNetwork network, string version = "1.0")
    {
        var containment = new BuildContainment(await MakeAsync(SandboxMode.Always, _python), null);
        var rules = new BuildRules(new ResourceLimits { WallTime = Limit }, []) { Network = network };
        using var folder = BuildFolder.Create(_parent.FullName, Logger);
        var build = new PipBuild(_python, rules, containment, Inspect, TimeProvider.System, Logger);
        return await build.RunAsync(
            folder, new Release(PackageName.Parse(package), version), _index.Url, CancellationToken.None).WaitAsync(Limit);
    }

    private static InspectedWheel Inspect(string path) => new(
        new FileState(Path.GetFileName(path), new FileInfo(path).Length, "", "", "", "", "", "", null, FileState.NoDependencies),
        WheelContents.Nothing);

    /// <summary>An interpreter in a folder that no sandbox shows by itself, with the pip of the system.</summary>
    private async Task<PythonFacts> MakeForeignPythonAsync()
    {
        var folder = Path.Combine(_parent.FullName, "venv");
        await using var tree = ProcessTree.Start(
            ["/usr/bin/python3", "-m", "venv", "--without-pip", "--system-site-packages", folder], "/",
            new Dictionary<string, string> { ["PATH"] = "/usr/bin:/bin" }, TimeProvider.System);
        Assert.Equal(0, await tree.Exited.WaitAsync(Limit));
        var python = await PythonFacts.AskAsync($"{folder}/bin/python3", TimeProvider.System, CancellationToken.None);
        Assert.Contains(folder, python.Folders);
        return python with { Folders = ["/usr"] };
    }

    [Fact]
    public async Task A_sandbox_that_does_not_work_is_a_warning_a_refusal_or_mended_by_a_folder_to_show()
    {
        var foreign = await MakeForeignPythonAsync();
        // Not below the folder for builds, which is never shown
        var shown = Directory.CreateTempSubdirectory("piw-test-shown-");
        Directory.Move(Path.Combine(_parent.FullName, "venv"), Path.Combine(shown.FullName, "venv"));
        foreign = foreign with { Executable = Path.Combine(shown.FullName, "venv", "bin", "python3") };
        try
        {
            Assert.Null(await MakeAsync(SandboxMode.Auto, foreign));
            Assert.Contains(_log.Entries, line => line.Message.StartsWith("BUILDS RUN WITHOUT A SANDBOX, which does not work here: ", StringComparison.Ordinal));

            var refusal = await Assert.ThrowsAsync<SlaveException>(() => MakeAsync(SandboxMode.Always, foreign));
            Assert.StartsWith("builds are to run in a sandbox, which does not work here: ", refusal.Message, StringComparison.Ordinal);

            Assert.NotNull(await MakeAsync(SandboxMode.Always, foreign, shown.FullName));
        }
        finally
        {
            shown.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task A_sandbox_that_is_not_wanted_is_not_used_and_the_log_says_so()
    {
        Assert.Null(await MakeAsync(SandboxMode.Never, _python));

        Assert.Contains(_log.Entries, line => line.Message.StartsWith("BUILDS RUN WITHOUT A SANDBOX, as the setting says", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_build_requirement_comes_from_the_index_through_the_proxy()
    {
        _index.AddWheel("helper", "word = 'helped'").Add(
            "needy", "import helper\ndef before_wheel():\n    assert helper.word == 'helped'", buildRequires: "'helper'");

        var needy = await BuildAsync("needy", BuildNetwork.Index);

        Assert.True(needy.Status, needy.Output);
        Assert.Equal(new BuildEnding.Exited(0), needy.Ending);
        Assert.Empty(needy.RefusedHosts);
        Assert.Contains("/helper-1.0-py3-none-any.whl", _index.Asked);
    }

    [Fact]
    public async Task A_build_without_network_has_all_that_it_requires_and_reaches_nothing()
    {
        _index.AddWheel("helper", "word = 'helped'").AddWheel("later", "word = 'asked for'").Add(
            "lonely",
            $$"""
            import helper, urllib.request

            def get_requires_for_build_wheel(config_settings=None):
                assert not os.path.exists(os.path.expanduser("~/planted"))  # By the same, in the step before
                open(os.path.expanduser("~/planted"), "w").close()
                look()
                return ["later"]

            def look():
                try:
                    urllib.request.urlopen("{{_index.Url}}/looked", timeout=5)
                except OSError as e:
                    print(f"<{e}>", flush=True)

            def before_wheel():
                import later
                look()
                assert later.word == "asked for"
                with open("/proc/net/dev") as devices:
                    assert len(devices.readlines()) == 3  # Two of head, one for the loopback
            """,
            buildRequires: "'helper'");

        var lonely = await BuildAsync("lonely", BuildNetwork.None);

        Assert.True(lonely.Status, lonely.Output);
        Assert.Equal(["lonely-1.0-py3-none-any.whl"], lonely.Files.Select(file => file.Filename));
        Assert.DoesNotContain("/simple/looked", _index.Asked);
        Assert.Equal("/lonely-1.0.tar.gz", _index.Asked.Single(path => path.Contains("lonely-", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("'helper @ http://evil.example/helper-1.0-py3-none-any.whl'", "an address: that needs --build-network full")]
    [InlineData("'--index-url=http://evil.example'", "which is no requirement")]
    public async Task A_package_does_not_choose_where_its_requirements_come_from(string requirement, string reason)
    {
        _index.Add("chooser", buildRequires: requirement);

        var chooser = await BuildAsync("chooser", BuildNetwork.None);

        Assert.False(chooser.Status);
        Assert.Contains(reason, chooser.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_release_that_no_index_has_fails_without_network_as_with_it()
    {
        _index.Add("tiny");

        var missing = await BuildAsync("tiny", BuildNetwork.None, "2.0");

        Assert.False(missing.Status);
        Assert.Contains("No matching distribution found for tiny==2.0", missing.Output, StringComparison.Ordinal);
        Assert.Equal(new BuildEnding.Exited(1), missing.Ending);
    }

    [Fact]
    public async Task A_killed_slave_takes_its_build_with_it_and_the_next_start_removes_the_folder()
    {
        var token = $"killed-{Guid.NewGuid():n}";
        _index.Add("endless", $"""
            def before_wheel():
                import subprocess, urllib.request
                child = subprocess.Popen(["sh", "-c", "sleep 600; : {token}"], start_new_session=True)
                try:
                    urllib.request.urlopen("{_index.Url}/endless-runs")
                except OSError:
                    pass  # There is no such page
                child.wait()
            """);
        _parent.UnixFileMode = (UnixFileMode)0x1FF; // rwx for all: root runs the tests, nobody the slave
        var none = new Dictionary<string, string>();
        await using (var master = await ScriptedMaster.StartAsync(_index, """ "builds": [["endless", "1.0"]] """))
        {
            await using var slave = SlaveProcess.Start(master, _parent.FullName, none, "--sandbox", "always", "--busy-timeout", "3s");
            do
            {
                await master.WhenSaidAsync("BUSY");
            }
            while (!_index.Asked.Contains("/simple/endless-runs"));

            var child = ProcessTable.Read().First(
                process => ProcessTable.TryReadText(process.Id, "cmdline")?.Contains($": {token}", StringComparison.Ordinal) == true);
            using var watched = System.Diagnostics.Process.GetProcessById(child.Id);
            await slave.KillAsync();
            await watched.WaitForExitAsync().WaitAsync(Limit);
        }

        Assert.Single(_parent.GetDirectories("piw-slave-*"));
        await using (var master = await ScriptedMaster.StartAsync(_index, """ "builds": [] """))
        {
            await using var slave = SlaveProcess.Start(master, _parent.FullName, none);
            await master.EndAsync();
            Assert.Equal(0, await slave.EndAsync());
        }

        Assert.Empty(_parent.GetDirectories("piw-slave-*"));
    }
}
