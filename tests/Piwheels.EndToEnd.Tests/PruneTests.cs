using Piwheels.Core.States;
using Piwheels.Storage;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>`piw prune` on a database of its own.</summary>
public sealed class PruneTests : IAsyncLifetime
{
    private PostgresCluster _cluster = null!;
    private TestDatabase _store = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await PostgresCluster.StartAsync();
        _store = await _cluster.CreateDatabaseAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        await _cluster.DisposeAsync();
    }

    [Fact]
    public async Task Old_months_are_listed_and_dropped_and_then_there_is_nothing_more()
    {
        await DownloadAsync(0, 1, 30);
        Assert.Equal((0, "There is nothing older than 36 months."), await PruneAsync("--older-than", "3years", "--yes"));
        var (exitCode, output) = await PruneAsync("--older-than", "24months", "-y");
        Assert.Equal(0, exitCode);
        Assert.Contains(" downloads: ", output, StringComparison.Ordinal);
        Assert.Contains("Dropped: ", output, StringComparison.Ordinal);
        Assert.Equal(["2"], await _store.ColumnAsync("SELECT count(*) FROM downloads"));
        Assert.Equal(["3"], await _store.ColumnAsync("SELECT downloads_all FROM get_statistics()"));
        Assert.Equal((0, "There is nothing older than 24 months."), await PruneAsync("--older-than", "24months"));
    }

    [Fact]
    public async Task Without_yes_nothing_is_dropped_where_nobody_can_be_asked()
    {
        await DownloadAsync(30);
        var (exitCode, output) = await PruneAsync("--older-than", "1month");
        Assert.Equal(2, exitCode);
        Assert.Contains("nobody can be asked here: say --yes to go on", output, StringComparison.Ordinal);
        Assert.Equal(["1"], await _store.ColumnAsync("SELECT count(*) FROM downloads"));
    }

    [Fact]
    public async Task It_waits_until_nobody_reads()
    {
        await DownloadAsync(30);
        await using var reader = await _store.OpenAsync();
        await using var reading = await reader.BeginTransactionAsync();
        await using (var command = new Npgsql.NpgsqlCommand("SELECT count(*) FROM downloads", reader))
        {
            await command.ExecuteScalarAsync();
        }

        await using var piw = PiwProcess.Start("prune", "-d", _store.UserDsn.ToString(), "--older-than", "1month", "-y");
        await piw.SeeAsync("Not yet: somebody is using the table downloads.");
        await reading.CommitAsync();
        Assert.Equal(0, await piw.EndAsync());
        Assert.Equal(["0"], await _store.ColumnAsync("SELECT count(*) FROM downloads"));
    }

    [Theory]
    [InlineData("say --older-than")]
    [InlineData("'' is not an age", "--older-than", "")]
    [InlineData("'24' is not an age", "--older-than", "24")]
    [InlineData("'24m' is not an age", "--older-than", "24m")]
    [InlineData("'0months' is not an age", "--older-than", "0months")]
    [InlineData("'-1months' is not an age", "--older-than=-1months")]
    [InlineData("'1.5years' is not an age", "--older-than", "1.5years")]
    [InlineData("'101years' is not an age", "--older-than", "101years")]
    [InlineData("'99999999999months' is not an age", "--older-than", "99999999999months")]
    public async Task An_age_that_is_none_is_refused(string refusal, params string[] arguments)
    {
        await DownloadAsync(0, 30);
        var (exitCode, output) = await PruneAsync([.. arguments, "--yes"]);
        Assert.Equal(2, exitCode);
        Assert.Contains(refusal, output, StringComparison.Ordinal);
        Assert.Equal(["2"], await _store.ColumnAsync("SELECT count(*) FROM downloads"));
    }

    private async Task<(int ExitCode, string Output)> PruneAsync(params string[] arguments)
    {
        var (exitCode, output) = await PiwProcess.RunAsync(["prune", "-d", _store.UserDsn.ToString(), .. arguments]);
        return (exitCode, output.Trim());
    }

    /// <summary>A download in each of these months, counted back from this one.</summary>
    private async Task DownloadAsync(params int[] months)
    {
        await using var database = new Database(_store.UserDsn);
        var now = TimeProvider.System.GetUtcNow();
        foreach (var back in months)
        {
            Assert.True(await database.LogDownloadAsync(new DownloadState(
                "foo-1.0-py3-none-any.whl", "192.0.2.1", now.AddMonths(-back), InstallerState.Unknown)));
        }
    }
}
