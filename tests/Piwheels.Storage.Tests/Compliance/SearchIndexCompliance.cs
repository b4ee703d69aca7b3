using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Storage.Tests.Compliance;

public sealed class SearchIndexDirect(ClusterFixture fixture) : SearchIndexCompliance<Direct>(fixture);

/// <summary>Who follows the search index by its changes knows at any time what the whole index says.</summary>
public abstract class SearchIndexCompliance<TAccess>(ClusterFixture fixture) : ComplianceTests<TAccess>(fixture)
    where TAccess : IDatabaseAccess
{
    [Fact]
    public async Task An_empty_farm_has_an_empty_index()
    {
        Assert.Empty(await Db.GetSearchIndexAsync());
        var changes = await Db.GetSearchChangesAsync("");
        Assert.True(changes.Complete);
        Assert.Empty(changes.Entries);
        Assert.True((await Db.GetSearchChangesAsync(changes.Mark)).IsEmpty);
    }

    [Fact]
    public async Task Packages_that_come_and_go_are_told()
    {
        await Db.AddNewPackageAsync(Foo);
        var mark = (await Db.GetSearchChangesAsync("")).Mark;
        await Db.AddNewPackageAsync(Bar);
        mark = await SeeAsync(mark, "bar 0/0");
        await Db.SkipPackageAsync(Bar, "bad");
        mark = await SeeAsync(mark, "");
        await Db.SkipPackageAsync(Bar, "deleted");
        mark = await SeeAsync(mark, "-bar");
        await Db.SkipPackageAsync(Bar, "");
        mark = await SeeAsync(mark, "bar 0/0");
        await Db.DeletePackageAsync(Bar);
        mark = await SeeAsync(mark, "-bar");
        await Db.AddNewPackageAsync(Bar, "deleted");
        mark = await SeeAsync(mark, "-bar");
        await Db.SkipPackageAsync(Bar, "");
        mark = await SeeAsync(mark, "bar 0/0");
        await SeeAsync(mark, "");
    }

    [Fact]
    public async Task Downloads_are_told_before_and_after_they_are_added_up()
    {
        await Db.AddNewPackageAsync(Foo);
        await Db.AddNewPackageAsync(Bar);
        var first = (await Db.GetSearchChangesAsync("")).Mark;
        await DownloadAsync("foo", 1);
        var second = await SeeAsync(first, "foo 1/1");
        await SeeAsync(second, "");
        await DownloadAsync("foo", 40);
        await SeeAsync(second, "foo 1/2");
        await Store.RunAsync("SELECT fold_figures()");
        await SeeAsync(second, "foo 1/2");
        await DownloadAsync("foo", 0);
        await DownloadAsync("unknown", 0);
        await SeeAsync(first, "foo 2/3, -unknown");
    }

    [Fact]
    public async Task A_project_that_comes_after_its_downloads_has_them()
    {
        await DownloadAsync("foo", 1);
        Assert.Empty(await Db.GetSearchIndexAsync());
        await Db.AddNewPackageAsync(Foo);
        Assert.Equal([new SearchEntry(Foo, 1, 1)], await Db.GetSearchIndexAsync());
        await Store.RunAsync("SELECT fold_figures()");
        Assert.Equal([new SearchEntry(Foo, 1, 1)], await Db.GetSearchIndexAsync());
    }

    [Fact]
    public async Task A_change_that_is_committed_late_is_told_whatever_was_told_before()
    {
        await Db.AddNewPackageAsync(Foo);
        await Db.AddNewPackageAsync(Bar);
        await DownloadAsync("bar", 0);
        var mark = (await Db.GetSearchChangesAsync("")).Mark;
        await using var late = await Store.OpenAsync();
        await using var transaction = await late.BeginTransactionAsync();
        await using (var command = new Npgsql.NpgsqlCommand(
            "SELECT log_page('home', '::1', now(), 'x'); SELECT log_download('foo-1.0-py3-none-any.whl', '::1', now(), "
            + "NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)", late))
        {
            await command.ExecuteNonQueryAsync();
        }

        await DownloadAsync("bar", 0);
        mark = await SeeAsync(mark, "bar 2/2");
        await Store.RunAsync("SELECT fold_figures()");
        await DownloadAsync("bar", 0);
        mark = await SeeAsync(mark, "bar 3/3");
        await transaction.CommitAsync();
        mark = await SeeAsync(mark, "foo 1/1");
        await SeeAsync(mark, "");
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("/")]
    [InlineData("{origin}/")]
    [InlineData("{origin}/-1")]
    [InlineData("{origin}/99999999999999999999999")]
    [InlineData("{origin}x/{number}")]
    [InlineData("{yesterday}/{number}")]
    [InlineData("19700101/{number}")]
    [InlineData("{origin}/9000000000000000000")]
    public async Task A_mark_that_means_nothing_is_answered_with_the_whole_index(string mark)
    {
        await Db.AddNewPackageAsync(Foo);
        var good = (await Db.GetSearchChangesAsync("")).Mark.Split('/');
        Assert.True((await Db.GetSearchChangesAsync(mark
            .Replace("{origin}", good[0], StringComparison.Ordinal)
            .Replace("{yesterday}", "20260101" + good[0][8..], StringComparison.Ordinal)
            .Replace("{number}", good[1], StringComparison.Ordinal))).Complete);
        Assert.False((await Db.GetSearchChangesAsync(string.Join('/', good))).Complete);
    }

    [Fact]
    public async Task Changes_are_forgotten_after_an_hour_or_two_and_then_the_whole_index_is_told()
    {
        await Db.AddNewPackageAsync(Foo);
        var mark = (await Db.GetSearchChangesAsync("")).Mark;
        await Db.AddNewPackageAsync(Bar);
        await SeeAsync(mark, "bar 0/0");
        await LetAnHourPassAsync();
        await SeeAsync(mark, "bar 0/0");

        // Longer while somebody's transaction goes on that is older than the change, be it in another database
        using var limit = new CancellationTokenSource(Waiting.Limit);
        do
        {
            limit.Token.ThrowIfCancellationRequested();
            await LetAnHourPassAsync();
        }
        while (!(await Db.GetSearchChangesAsync(mark)).Complete);
        Assert.Equal(["0"], await Store.ColumnAsync("SELECT count(*) FROM search_changes"));
        mark = (await Db.GetSearchChangesAsync(mark)).Mark;
        await DownloadAsync("foo", 0);
        await SeeAsync(mark, "foo 1/1");

        async Task LetAnHourPassAsync()
        {
            await Store.RunAsync("UPDATE search_changes_kept SET next_at = next_at - interval '61 minutes'");
            await Store.RunAsync("SELECT fold_figures()");
        }
    }

    [Fact]
    public async Task A_restored_table_or_another_server_makes_all_marks_void()
    {
        await Db.AddNewPackageAsync(Foo);
        var mark = (await Db.GetSearchChangesAsync("")).Mark;
        await Store.RunAsync("""
            ALTER TABLE search_changes RENAME TO old;
            CREATE TABLE search_changes (LIKE old INCLUDING ALL);
            """);
        Assert.True((await Db.GetSearchChangesAsync(mark)).Complete);
    }

    /// <summary>
    /// Sees that what has changed since a mark is "foo 1/2, -bar": figures, and what is gone. Others may be told again, as
    /// they are.
    /// </summary>
    private async Task<string> SeeAsync(string mark, string expected)
    {
        var changes = await Db.GetSearchChangesAsync(mark);
        Assert.False(changes.Complete);
        var whole = await Db.GetSearchIndexAsync();
        Assert.Empty(changes.Entries.Except(whole));
        Assert.Empty(changes.Gone.Intersect(whole.Select(entry => entry.Package)));
        var told = changes.Entries.Select(e => $"{e.Package} {e.DownloadsRecent}/{e.DownloadsAll}")
            .Concat(changes.Gone.Select(package => $"-{package}"));
        Assert.Empty(expected.Split(", ", StringSplitOptions.RemoveEmptyEntries).Except(told));
        return changes.Mark;
    }

    private async Task DownloadAsync(string package, int daysAgo) => Assert.True(await Db.LogDownloadAsync(
        new DownloadState(
            $"{package}-1.0-py3-none-any.whl", "192.0.2.1", TimeProvider.System.GetUtcNow().AddDays(-daysAgo),
            InstallerState.Unknown)));
}
