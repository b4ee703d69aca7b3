using Piwheels.Core.Packaging;
using Piwheels.Storage;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>`piw audit queue` as people run it.</summary>
public sealed class AuditQueueTests(DatabaseFixture fixture) : IAsyncLifetime
{
    private static readonly DateTimeOffset LongAgo = new(2020, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private TestDatabase _store = null!;

    public async ValueTask InitializeAsync()
    {
        _store = await fixture.CreateDatabaseAsync();
        await using var database = new Database(_store.UserDsn);
        await database.AddTargetAsync(new("cp39", "linux_armv7l"));
        await database.AddTargetAsync(new("cp311", "linux_x86_64"));
        foreach (var name in new[] { "ant", "bee", "cat" })
        {
            var package = PackageName.Parse(name);
            await database.AddNewPackageAsync(package);
            await database.AddNewPackageVersionAsync(new Release(package, "1.0"), LongAgo);
        }
    }

    public ValueTask DisposeAsync() => _store.DisposeAsync();

    [Fact]
    public async Task A_queue_that_is_right()
    {
        var (exitCode, output) = await AuditAsync();
        Assert.True(exitCode == 0, output);
        Assert.Equal(
            ["cp39 on linux_armv7l: 3 wait", "cp311 on linux_x86_64: 3 wait", "The queue is right."], Lines(output));
        Assert.Equal((0, output), await AuditAsync("--fix"));
    }

    [Fact]
    public async Task What_is_wrong_is_told_by_target_and_repaired_on_wish()
    {
        await _store.RunAsync("""
            DELETE FROM build_queue WHERE package = 'ant' AND target_id = 1;
            UPDATE build_queue SET priority = 0 WHERE package = 'bee' AND target_id = 1;
            UPDATE build_queue SET released = '1999-01-01' WHERE package = 'cat' AND target_id = 1;
            UPDATE packages SET skip = 'bad' WHERE package = 'cat';
            SELECT count_change('waiting:2', 4)
            """);
        string[] differences =
        [
            "cp39 on linux_armv7l: 2 wait; 1 missing, 1 extra, 1 out of date",
            "  missing      ant 1.0",
            "  out of date  bee 1.0: priority 0 instead of 2",
            "  extra        cat 1.0",
            "cp311 on linux_x86_64: 3 wait; 0 missing, 1 extra, 0 out of date",
            "  counted      as 7",
            "  extra        cat 1.0",
            "The queue is wrong in 4 rows and 1 length.",
        ];
        var (exitCode, output) = await AuditAsync();
        Assert.Equal(1, exitCode);
        Assert.Equal(differences, Lines(output));

        (exitCode, output) = await AuditAsync("--fix");
        Assert.True(exitCode == 0, output);
        Assert.Equal(
            [
                .. differences, "Repaired 4 rows of 3 releases, and 1 length.", "cp39 on linux_armv7l: 2 wait",
                "cp311 on linux_x86_64: 2 wait", "The queue is right.",
            ],
            Lines(output));
        Assert.Equal(0, (await AuditAsync()).ExitCode);
    }

    [Fact]
    public async Task No_more_differences_are_listed_than_asked_for()
    {
        await _store.RunAsync("DELETE FROM build_queue");
        var (exitCode, output) = await AuditAsync("--limit", "1");
        Assert.Equal(1, exitCode);
        Assert.Equal(
            [
                "cp39 on linux_armv7l: 0 wait; 3 missing, 0 extra, 0 out of date", "  missing      ant 1.0", "  and 2 more",
                "cp311 on linux_x86_64: 0 wait; 3 missing, 0 extra, 0 out of date", "  missing      ant 1.0", "  and 2 more",
                "The queue is wrong in 6 rows and 0 lengths.",
            ],
            Lines(output));
    }

    [Fact]
    public async Task Builds_are_never_touched()
    {
        await using var database = new Database(_store.UserDsn);
        await database.LogBuildAsync(new(
            1, "ant", "1.0", "cp39", false, TimeSpan.FromSeconds(1), "", [], "linux_armv7l"));
        await _store.RunAsync("INSERT INTO build_queue VALUES ('ant', '1.0', 1, 2, '2020-01-02 03:04:05')");
        Assert.Equal(0, (await AuditAsync("--fix")).ExitCode);
        Assert.Single(await database.GetAllBuildIdsAsync());
    }

    [Theory]
    [InlineData(1, "piw audit queue: Failed to connect", "--dsn", "postgresql://nobody@127.0.0.1:1/nowhere")]
    [InlineData(2, "--dsn: 'what://is/this' is no database address", "--dsn", "what://is/this")]
    [InlineData(2, "is not a number from 0", "--limit", "-1")]
    public async Task What_cannot_be_done_is_told_with_the_reason(int code, string words, string option, string value)
    {
        var (exitCode, output) = await PiwProcess.RunAsync("audit", "queue", option, value);
        Assert.Equal(code, exitCode);
        Assert.Contains(words, output, StringComparison.Ordinal);
        Assert.True(code == 2 || output.Trim().Split('\n').Length == 1, output);
    }

    private Task<(int ExitCode, string Output)> AuditAsync(params string[] more) => PiwProcess.RunAsync(
    [
        "audit", "queue", "--configuration", "/dev/null", "--dsn", _store.UserDsn.ToString(), .. more,
    ]);

    private static string[] Lines(string output) => output.TrimEnd().Split('\n');
}
