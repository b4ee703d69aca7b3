using System.Diagnostics;
using System.Text.RegularExpressions;
using Piwheels.Core.Units;
using Piwheels.Slave.Limits;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>A farm on one machine, from its start to its end.</summary>
public sealed class UpTests
{
    [Fact]
    public async Task Once_builds_a_package_with_what_it_depends_on_and_a_second_run_has_nothing_to_do()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        var first = await PiwProcess.RunAsync(fixture.Up(FarmFixture.FreePort(), "--once", "piw-demo-app"));
        Assert.True(first.ExitCode == 0, first.Output);
        Assert.Contains("built    piw-demo-fastsum", first.Output, StringComparison.Ordinal);
        Assert.Contains("built    piw-demo-greeting", first.Output, StringComparison.Ordinal);

        var second = await PiwProcess.RunAsync(fixture.Up(FarmFixture.FreePort(), "--once"));
        Assert.True(second.ExitCode == 0, second.Output);
        Assert.DoesNotContain("building", second.Output, StringComparison.Ordinal);
        Assert.Empty(fixture.ProcessesOfFarm());
    }

    [Fact]
    public async Task What_cannot_be_built_is_in_the_table_with_its_reason_and_the_exit_code_tells()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        var (exitCode, output) = await PiwProcess.RunAsync(
            fixture.Up(FarmFixture.FreePort(), "--once", "piw-demo-broken", "piw-demo-greeting"));
        Assert.Equal(1, exitCode);
        Assert.Contains("built    piw-demo-greeting", output, StringComparison.Ordinal);
        Assert.Contains("failed   piw-demo-broken", output, StringComparison.Ordinal);
        Assert.Matches(@"error:.*", output);
        Assert.Contains("/logs/0000/0000/", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pip_installs_from_a_running_farm_by_a_requirements_file_with_hashes_of_nothing()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        var requirements = Path.Combine(fixture.Folder, "requirements.txt");
        await File.WriteAllTextAsync(
            requirements, "# the app\npiw-demo-app >= 0.1 ; python_version >= '3'\nnever-there ; sys_platform == 'win32'\n");
        var port = FarmFixture.FreePort();
        await using var up = PiwProcess.Start(fixture.Up(port, "-r", requirements));
        await up.SeeAsync("Everything is built");

        var venv = Path.Combine(fixture.Folder, "venv");
        Assert.Equal(0, (await FarmFixture.RunAsync("/usr/bin/python3", "-m", "venv", venv)).ExitCode);
        var python = Path.Combine(venv, "bin", "python");
        var install = await FarmFixture.RunAsync(
            python, "-m", "pip", "install", "--index-url", $"http://127.0.0.1:{port}/simple", "-r", requirements);
        Assert.True(install.ExitCode == 0, install.Output);
        var run = await FarmFixture.RunAsync(python, "-c", "import piw_demo_app; piw_demo_app.main(['world', '1', '2'])");
        Assert.Contains("add up to 3", run.Output, StringComparison.Ordinal);

        up.Signal("INT");
        Assert.Equal(0, await up.EndAsync());
        Assert.Empty(fixture.ProcessesOfFarm());
    }

    [Fact]
    public async Task Slaves_of_one_machine_divide_its_memory()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        await using var up = PiwProcess.Start(
            fixture.Up(FarmFixture.FreePort(), "--slaves", "2", "piw-demo-fastsum", "piw-demo-greeting"));
        await up.SeeAsync("Everything is built");
        var slaves = fixture.ProcessesOfFarm().Select(FarmFixture.CommandLine)
            .Where(line => line.Contains(" slave ", StringComparison.Ordinal)).ToList();
        Assert.Equal(2, slaves.Count);
        var limits = slaves.Select(line => BytesText.ParseSize(Regex.Match(line, "--build-memory ([0-9]+[KMG]?)").Groups[1].Value));
        Assert.InRange(limits.Sum(), 1 << 20, ResourceLimits.MemoryBytesUnlessNamed);

        up.Signal("INT");
        Assert.Equal(0, await up.EndAsync());
    }

    [Fact]
    public async Task A_master_that_is_killed_is_started_again_and_the_work_goes_on()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        await using var up = PiwProcess.Start(fixture.Up(FarmFixture.FreePort(), "--once", "piw-demo-app"));
        await up.SeeAsync("building ");
        Kill(fixture, " master ");
        await up.SeeAsync("master ended");
        Assert.True(await up.EndAsync() == 0, up.Output);
        Assert.Contains("built    piw-demo-greeting", up.Output, StringComparison.Ordinal);
        Assert.Empty(fixture.ProcessesOfFarm());
    }

    [Fact]
    public async Task A_database_that_is_killed_again_and_again_keeps_nobody_from_working_and_has_nothing_twice()
    {
        await using var fixture = await FarmFixture.CreateAsync();
        await using var up = PiwProcess.Start(fixture.Up(FarmFixture.FreePort(), "piw-demo-app"));
        foreach (var moment in new[] { "building piw-demo-app", "built    piw-demo-app", "building piw-demo-greeting" })
        {
            await up.SeeAsync(moment);
            Kill(fixture, "bin/postgres");
        }

        await up.SeeAsync("Everything is built");
        Assert.Contains("PostgreSQL ended (exit code 137); starting it again", up.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("master ended", up.Output, StringComparison.Ordinal);
        Assert.Equal(
            ["piw-demo-app|t|1|1", "piw-demo-fastsum|t|1|1", "piw-demo-greeting|t|1|1"],
            await fixture.QueryAsync("""
                SELECT b.package, bool_and(b.status), count(DISTINCT b.build_id), count(f.filename)
                FROM builds b LEFT JOIN files f USING (build_id) GROUP BY b.package ORDER BY b.package
                """));
        Assert.Equal(["0"], await fixture.QueryAsync("SELECT count(*) FROM rewrites_pending"));
        var log = await File.ReadAllTextAsync(Path.Combine(fixture.Data, "log", "master.log"));
        Assert.Contains("the database is away", log, StringComparison.Ordinal);

        up.Signal("INT");
        Assert.Equal(0, await up.EndAsync());
        Assert.Empty(fixture.ProcessesOfFarm());
    }

    /// <summary>Kills the first of the farm's programs that its command line fits.</summary>
    private static void Kill(FarmFixture fixture, string program) => Process.GetProcessById(fixture.ProcessesOfFarm()
        .First(id => FarmFixture.CommandLine(id).Contains(program, StringComparison.Ordinal))).Kill();
}
