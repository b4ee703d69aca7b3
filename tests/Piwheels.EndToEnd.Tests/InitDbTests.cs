using System.Diagnostics;
using Piwheels.Storage.Schema;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>`piw initdb` as operators run it.</summary>
public sealed class InitDbTests : IAsyncLifetime
{
    /// <summary>At how many places of the script it is killed, spread evenly.</summary>
    private const int KilledPlaces = 8;

    private PostgresCluster _cluster = null!;
    private TestDatabase _store = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await PostgresCluster.StartAsync();
        _store = await _cluster.CreateDatabaseAsync(empty: true);
    }

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        await _cluster.DisposeAsync();
    }

    [Fact]
    public async Task It_creates_upgrades_and_leaves_alone_what_is_current()
    {
        var (exitCode, output) = await PiwProcess.RunAsync("initdb", "--dsn", Address(), "--yes");
        Assert.True(exitCode == 0, output);
        Assert.EndsWith("The database is ready.", output.TrimEnd(), StringComparison.Ordinal);
        var current = await _store.DumpAsync();

        (exitCode, output) = await PiwProcess.RunAsync("initdb", "--dsn", Address());
        Assert.Equal((0, $"The database is of version {SchemaVersion.Current} already."), (exitCode, output.TrimEnd()));
        Assert.Equal(current, await _store.DumpAsync());
    }

    [Fact]
    public async Task From_piwheels_it_names_the_steps_and_what_it_did()
    {
        await _store.LoadPiwheelsAsync("0.19");
        var (exitCode, output) = await PiwProcess.RunAsync("initdb", "--dsn", Address(), "--yes");
        Assert.True(exitCode == 0, output);
        Assert.Contains("builds ...\n    2 builds had a negative duration or none: it is 0 now", output, StringComparison.Ordinal);
        Assert.Contains("    21 logs of builds are in kept_from_piwheels.output", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_terminal_and_yes_it_changes_nothing_and_says_so()
    {
        await _store.LoadPiwheelsAsync("0.23");
        var before = await _store.DumpAsync();
        var (exitCode, output) = await PiwProcess.RunAsync("initdb", "--dsn", Address());
        Assert.Equal((2, "piw initdb: nobody can be asked here: say --yes to go on"), (exitCode, output.TrimEnd()));
        Assert.Equal(before, await _store.DumpAsync());
    }

    [Theory]
    [InlineData("n", 2, "Nothing was changed.")]
    [InlineData("", 2, "Nothing was changed.")]
    [InlineData("y", 0, "The database is ready.")]
    public async Task On_a_terminal_it_asks_and_does_as_it_is_told(string answer, int expected, string said)
    {
        await _store.LoadPiwheelsAsync("0.23");
        var before = await _store.DumpAsync();
        // script(1) gives it a terminal
        var start = new ProcessStartInfo(
            "script", ["--quiet", "--return", "--command", $"'{PiwProcess.Program}' initdb --dsn '{Address()}'", "/dev/null"])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        using var script = Process.Start(start)!;
        await script.StandardInput.WriteLineAsync(answer);
        await script.StandardInput.FlushAsync();
        var output = await script.StandardOutput.ReadToEndAsync().WaitAsync(PiwProcess.Limit);
        await script.WaitForExitAsync();
        Assert.Contains("This is a database of piwheels 0.23. Upgrade it", output, StringComparison.Ordinal);
        Assert.Contains(said, output, StringComparison.Ordinal);
        Assert.Equal(expected, script.ExitCode);
        Assert.Equal(expected == 2, before == await _store.DumpAsync());
    }

    [Fact]
    public async Task What_it_cannot_work_with_it_tells_in_one_line()
    {
        var before = await _store.DumpAsync();
        await RefusesAsync("is no superuser", "--dsn", Address(user: "piwheels"));
        await RefusesAsync("does not exist: create it first (createuser nobody_there)", "--dsn", Address(), "--user", "nobody_there");
        await RefusesAsync("the user postgres is a superuser", "--dsn", Address(), "--user", "postgres");
        await RefusesAsync("createdb nowhere", "--dsn", Address(database: "nowhere"));
        await RefusesAsync("", "--dsn", "postgresql://postgres@%2Fnonexistent/test");
        await _store.RunAsync("CREATE TABLE mine (id int)");
        await RefusesAsync("something else (mine)", "--dsn", Address());
        await _store.RunAsync("DROP TABLE mine");
        Assert.Equal(before, await _store.DumpAsync());
    }

    [Fact]
    public async Task Killed_at_any_statement_it_has_changed_nothing_and_run_again_it_succeeds()
    {
        await _store.LoadPiwheelsAsync("0.19");
        var before = await _store.DumpAsync();
        var statements = SchemaInstaller.GetScript(new SchemaFound(SchemaKind.Piwheels, "0.19"))
            .Sum(step => step.Statements.Count);
        for (var place = 1; place <= KilledPlaces; place++)
        {
            // It asks more than what the script says, so none of these is its last
            var last = place * statements / KilledPlaces;
            await using var gate = new StatementGate(_cluster.Folder, (number, _) => number == last);
            await using (var piw = PiwProcess.Start("initdb", "--dsn", Address(gate.Folder), "--yes"))
            {
                await gate.Stopped.WaitAsync(PiwProcess.Limit);
                piw.Signal("KILL");
                await piw.EndAsync();
            }

            await gate.DisposeAsync();
            await EndOfInstallersAsync();
            Assert.Equal(before, await _store.DumpAsync());
        }

        var (exitCode, output) = await PiwProcess.RunAsync("initdb", "--dsn", Address(), "--yes");
        Assert.True(exitCode == 0, output);
    }

    [Fact]
    public async Task Interrupted_it_says_that_nothing_was_changed()
    {
        await _store.LoadPiwheelsAsync("0.23");
        var before = await _store.DumpAsync();
        await using var gate = new StatementGate(
            _cluster.Folder, (_, sql) => sql.StartsWith("INSERT INTO builds", StringComparison.Ordinal));
        await using var piw = PiwProcess.Start("initdb", "--dsn", Address(gate.Folder), "--yes");
        await gate.Stopped.WaitAsync(PiwProcess.Limit);
        piw.Signal("INT");
        Assert.Equal(1, await piw.EndAsync());
        Assert.Contains("piw initdb: stopped; nothing was changed", piw.Output, StringComparison.Ordinal);
        await gate.DisposeAsync();
        await EndOfInstallersAsync();
        Assert.Equal(before, await _store.DumpAsync());
    }

    [Fact]
    public async Task Two_at_once_are_one_after_the_other()
    {
        await _store.LoadPiwheelsAsync("0.23");
        await using var gate = new StatementGate(
            _cluster.Folder, (_, sql) => sql.StartsWith("INSERT INTO builds", StringComparison.Ordinal));
        await using var first = PiwProcess.Start("initdb", "--dsn", Address(gate.Folder), "--yes");
        await gate.Stopped.WaitAsync(PiwProcess.Limit);
        await using var second = PiwProcess.Start("initdb", "--dsn", Address(), "--yes");
        await second.SeeAsync("another piw-initdb is at work in this database: waiting for its end");
        gate.Open();
        Assert.Equal((0, 0), (await first.EndAsync(), await second.EndAsync()));
        Assert.Contains("The database is ready.", first.Output, StringComparison.Ordinal);
        Assert.Contains($"is of version {SchemaVersion.Current} already.", second.Output, StringComparison.Ordinal);
    }

    private string Address(string? folder = null, string user = "postgres", string? database = null) =>
        $"postgresql://{user}@{Uri.EscapeDataString(folder ?? _cluster.Folder)}/{database ?? _store.SuperuserDsn.Database}";

    private static async Task RefusesAsync(string reason, params string[] arguments)
    {
        var (exitCode, output) = await PiwProcess.RunAsync(["initdb", "--yes", .. arguments]);
        Assert.True(exitCode == 1, output);
        Assert.Contains(reason, output, StringComparison.Ordinal);
        Assert.Single(output.Trim().Split('\n'));
        Assert.StartsWith("piw initdb: ", output, StringComparison.Ordinal);
    }

    /// <summary>Waits until the server has noticed that its client is gone: the installer waits for whoever is at work.</summary>
    private async Task EndOfInstallersAsync()
    {
        await using var installer = await SchemaInstaller.ConnectAsync(_store.SuperuserDsn);
        await installer.DetectVersionAsync();
    }
}
