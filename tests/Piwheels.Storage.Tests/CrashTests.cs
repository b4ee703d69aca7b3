using System.Collections.Concurrent;
using System.Globalization;
using Npgsql;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Storage.Tests;

/// <summary>
/// A server killed amid writers and those who add up: what somebody was told is recorded is there, each batch whole or not at
/// all, and what is kept is what the rows say.
/// </summary>
public sealed class CrashTests
{
    private const int BatchSize = 20;
    private const int RecordedMin = 60;

    private static readonly Target Cp39 = new("cp39", "linux_armv7l");

    [Theory]
    [InlineData("KILL")]
    [InlineData("immediate")]
    public async Task After_each_of_several_crashes_what_was_told_is_there_and_figures_and_queue_are_true(string how)
    {
        await using var server = await CrashableServer.StartAsync();
        await using var database = new Database(server.User);
        await new RandomHistory(database, 3, 3).BeginAsync();
        var told = new Told();
        for (var round = 0; round < 3; round++)
        {
            var mark = (await database.GetSearchChangesAsync("")).Mark;
            var before = told.Count;
            var enough = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Task[] sessions =
            [
                .. Enumerable.Range(0, 3).Select(_ => UntilItIsGoneAsync(async () =>
                {
                    await told.DownloadAsync(database);
                    if (told.Count >= before + RecordedMin) enough.TrySetResult();
                })),
                .. Enumerable.Range(0, 2).Select(_ => UntilItIsGoneAsync(() => told.BuildAsync(database))),
                UntilItIsGoneAsync(() => ChangeAsync(database, new Random(round))),
                UntilItIsGoneAsync(() => PostgresCluster.RunAsync(server.Superuser, "SELECT fold_figures()")),
                UntilItIsGoneAsync(database.GetStatisticsAsync),
            ];
            await enough.Task.WaitAsync(Waiting.Limit);
            await server.CrashAsync(how);
            await Task.WhenAll(sessions);
            await server.StartAgainAsync();
            await SeeAsync(server, told);
            Assert.True((await UntilItIsBackAsync(() => database.GetSearchChangesAsync(mark))).Complete);
        }
    }

    private static async Task SeeAsync(CrashableServer server, Told told)
    {
        await using var source = NpgsqlDataSource.Create(server.Superuser.ToSettings());
        foreach (var query in new[]
        {
            KeptFiguresTests.QueueDifferences, KeptFiguresTests.CounterDifferences, KeptDownloadsTests.Differences,
        })
        {
            Assert.Empty(await ColumnAsync(source, query));
        }

        var there = await ColumnAsync(source, "SELECT py_version || ' ' || count(*) FROM downloads GROUP BY py_version");
        Assert.All(there, batch => Assert.EndsWith($" {BatchSize}", batch, StringComparison.Ordinal));
        Assert.Empty(told.Downloads.Select(batch => $"{batch} {BatchSize}").Except(there));
        Assert.Empty(told.Builds.Except(await ColumnAsync(source, "SELECT build_id::text FROM builds")));
    }

    private static async Task<List<string>> ColumnAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        await using var reader = await command.ExecuteReaderAsync();
        var rows = new List<string>();
        while (await reader.ReadAsync()) rows.Add(reader.GetString(0));
        return rows;
    }

    /// <summary>Packages come and go, but none that builds are made of.</summary>
    private static async Task ChangeAsync(Database database, Random random)
    {
        var package = PackageName.Parse($"other-{random.Next(5)}");
        await database.AddNewPackageAsync(package);
        await database.AddNewPackageVersionAsync(new Release(package, "1.0"));
        await database.SkipPackageAsync(package, random.Next(2) == 0 ? "" : "deleted");
        if (random.Next(3) == 0) await database.DeletePackageAsync(package);
    }

    private static async Task UntilItIsGoneAsync(Func<Task> work)
    {
        try
        {
            while (true) await work();
        }
        catch (Exception gone) when (gone is DatabaseException { Transient: true } or NpgsqlException)
        {
            // The crash
        }
    }

    /// <summary>The pool finds out about its connections one by one.</summary>
    private static async Task<T> UntilItIsBackAsync<T>(Func<Task<T>> ask)
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                return await ask();
            }
            catch (DatabaseException away) when (away.Transient && tries < 100)
            {
                // The next one
            }
        }
    }

    /// <summary>What writers were told is recorded.</summary>
    private sealed class Told
    {
        private int _number;

        public ConcurrentBag<string> Downloads { get; } = [];

        public ConcurrentBag<string> Builds { get; } = [];

        public int Count => Downloads.Count;

        public async Task DownloadAsync(Database database)
        {
            var number = Interlocked.Increment(ref _number).ToString(CultureInfo.InvariantCulture);
            var now = TimeProvider.System.GetUtcNow();
            await database.LogAccessAsync([.. Enumerable.Range(0, BatchSize).Select(i => new DownloadState(
                $"{"ant bee cat dog".Split(' ')[i % 4]}-1.0-py3-none-any.whl", "192.0.2.1", now.AddDays(-i * 2),
                InstallerState.Unknown with { PyVersion = number }))]);
            Downloads.Add(number);
        }

        public async Task BuildAsync(Database database)
        {
            var number = Interlocked.Increment(ref _number);
            var release = new Release(PackageName.Parse(number % 2 == 0 ? "ant" : "bee"), number % 3 == 0 ? "1.0" : "2.0");
            var file = new FileState(
                $"{release.Package}-{release.Version}-{number}-cp39-cp39-linux_armv7l.whl", number, new string('a', 64),
                release.Package.Value, release.Version, "cp39", "cp39", "linux_armv7l", null, FileState.NoDependencies);
            var id = await database.LogBuildAsync(new BuildState(
                1, release.Package.Value, release.Version, Cp39.Abi, number % 4 > 0, TimeSpan.FromSeconds(number), "",
                number % 4 > 0 ? [file] : [], Cp39.Platform));
            Builds.Add(id.ToString(CultureInfo.InvariantCulture));
        }
    }
}
