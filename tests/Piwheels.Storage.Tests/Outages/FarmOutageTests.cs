using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Piwheels.Messaging.Protocols;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Storage.Tests.Outages;

/// <summary>
/// A whole master while its database is away: nobody's work is lost, nothing is recorded twice, no task ends, and the log
/// has one line for the outage's begin and one for its end.
/// </summary>
public sealed class FarmOutageTests(FaultyServer server) : IClassFixture<FaultyServer>
{
    private const int Downloads = 2500;

    /// <summary>How a database can be away.</summary>
    public enum Outage
    {
        /// <summary>It crashes, and is there again at once.</summary>
        Restarted,

        /// <summary>It is stopped, for several rounds of attempts.</summary>
        Stopped,

        /// <summary>It cuts everybody off and lets nobody in.</summary>
        Refusing,

        /// <summary>It says nothing any more.</summary>
        Hanging,

        /// <summary>It does what it is asked, and its answers are lost.</summary>
        AnswersLost,
    }

    [Theory]
    [InlineData(Outage.Restarted)]
    [InlineData(Outage.Stopped)]
    [InlineData(Outage.Refusing)]
    [InlineData(Outage.Hanging)]
    [InlineData(Outage.AnswersLost)]
    public async Task Whatever_happens_during_an_outage_is_recorded_after_it_once(Outage outage)
    {
        await using var store = await server.Cluster.CreateDatabaseAsync();
        await using var proxy = PostgresProxy.Before(store.UserDsn);
        await using var farm = await FarmAtWork.StartAsync(
            outage == Outage.AnswersLost ? proxy.Dsn : store.UserDsn, store);
        await farm.BuildAsync();

        await BeginAsync(outage, proxy);
        try
        {
            farm.Say(new SlaveRequest.Sent());
            farm.Download(Downloads);
            farm.Publish("foo", "2.0");
            farm.Publish("later", "1.0");
            if (outage is not (Outage.Restarted or Outage.AnswersLost))
            {
                await farm.FailedForNowAsync(20);
                Assert.False(farm.HasReply);
            }
        }
        finally
        {
            await EndAsync(outage);
        }

        Assert.IsType<SlaveReply.Done>(await farm.HearAsync());
        await farm.UntilAsync("downloads", () => IsAsync(store, "SELECT count(*) >= 2500 FROM downloads"));
        await farm.UntilAsync("versions", () => IsAsync(store, "SELECT count(*) = 2 FROM versions WHERE package = 'foo'"));
        await farm.UntilAsync("pages", () => IsAsync(store, "SELECT count(*) = 0 FROM rewrites_pending"));
        Assert.Equal(
            [["1", "1", "2500", "2500"]],
            await store.QueryAsync("""
                SELECT (SELECT count(*) FROM builds), (SELECT count(*) FROM files), (SELECT count(*) FROM downloads),
                    counter_total('downloads')
                """));
        Assert.Equal(["foo-1.0-cp311-cp311-linux_armv7l.whl"], await store.ColumnAsync("SELECT filename FROM files"));
        Assert.True(File.Exists(Path.Combine(farm.Output, "simple", "foo", "foo-1.0-cp311-cp311-linux_armv7l.whl")));
        Assert.Contains(
            "foo-1.0-cp311-cp311-linux_armv7l.whl",
            await File.ReadAllTextAsync(Path.Combine(farm.Output, "simple", "foo", "index.html")), StringComparison.Ordinal);

        await farm.UntilAsync("the outage's end", () => Task.FromResult(Lines("is away,") == Lines("is back after")));
        farm.Stop();
        Assert.Equal(0, await farm.Master.Within());
        Assert.DoesNotContain(farm.Log.Entries, line => line.Level > LogLevel.Warning);
        // Answers are lost one by one, as each is asked
        if (outage != Outage.AnswersLost) Assert.Equal(1, Lines("is away,"));

        int Lines(string words) =>
            farm.Log.Entries.Count(line => line.Message.Contains(words, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(Outage.Stopped)]
    [InlineData(Outage.Hanging)]
    public async Task The_master_ends_within_seconds_while_the_database_is_away(Outage outage)
    {
        await using var store = await server.Cluster.CreateDatabaseAsync();
        await using var farm = await FarmAtWork.StartAsync(store.UserDsn, store);
        await farm.BuildAsync();
        await BeginAsync(outage, null);
        try
        {
            farm.Say(new SlaveRequest.Sent());
            farm.Download(100);
            await farm.FailedForNowAsync(3);
            var since = Stopwatch.GetTimestamp();
            farm.Stop();
            Assert.Equal(0, await farm.Master.Within());
            var took = Stopwatch.GetElapsedTime(since);
            Assert.True(took < TimeSpan.FromSeconds(10), $"{took}\n{string.Join('\n', farm.Log.Entries)}");
            Assert.True(farm.Log.Says("100 accesses could not be recorded, and are lost"));
        }
        finally
        {
            await EndAsync(outage);
        }
    }

    private async Task BeginAsync(Outage outage, PostgresProxy? proxy)
    {
        switch (outage)
        {
            case Outage.Restarted:
                await server.Cluster.RestartAsync();
                break;
            case Outage.Stopped:
                await server.Cluster.StopAsync();
                break;
            case Outage.Refusing:
                await server.Cluster.RefuseAsync(true);
                await server.Cluster.CutOffAsync();
                break;
            case Outage.Hanging:
                await server.Cluster.SuspendAsync();
                break;
            case Outage.AnswersLost:
                foreach (var function in new[]
                {
                    "log_build", "log_downloads", "add_new_package_version", "set_pypi_serial", "save_rewrites_pending",
                    "rewrite_done",
                })
                {
                    _ = proxy!.LoseAnswerOf(function, times: 2);
                }

                break;
        }
    }

    private async Task EndAsync(Outage outage)
    {
        if (outage == Outage.Stopped) await server.Cluster.StartAgainAsync();
        if (outage == Outage.Refusing) await server.Cluster.RefuseAsync(false);
        if (outage == Outage.Hanging) await server.Cluster.WakeAsync();
    }

    private static async Task<bool> IsAsync(TestDatabase store, string sql) => (await store.ColumnAsync(sql))[0] == "t";
}
