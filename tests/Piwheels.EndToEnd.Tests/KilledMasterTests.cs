using System.Globalization;
using Npgsql;
using Piwheels.Cli.Demo;
using Piwheels.Core.Packaging;
using Piwheels.Storage;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>`piw master` as it follows the whole of an index.</summary>
public sealed class KilledMasterTests(DatabaseFixture databases)
{
    private const int Packages = 40;
    private const int KilledPlaces = 3;

    /// <summary>Enough for several batches that are each a backlog.</summary>
    private const int BacklogPackages = 600;

    private const string BulkFunction = "apply_index_changes";

    /// <summary>What following leaves; descriptions of a backlog come later, one a second.</summary>
    private static readonly string[] Rows =
    [
        "SELECT n::text FROM package_names n ORDER BY 1", "SELECT v::text FROM versions v ORDER BY 1",
        "SELECT q::text FROM build_queue q ORDER BY 1", "SELECT pypi_serial::text FROM configuration",
    ];

    [Fact]
    public async Task Killed_again_and_again_in_the_middle_it_ends_with_the_rows_and_pages_of_an_undisturbed_run()
    {
        using var distributions = new DistributionFolder();
        await using var index = await IndexAsync(distributions);
        await using var undisturbed = await Follower.CreateAsync(databases, index);
        var statements = await undisturbed.FollowAsync();
        var packages = await undisturbed.RowsAsync("SELECT package FROM packages");
        Assert.Equal(Packages - (Packages / 8), packages.Count);

        for (var place = 1; place <= KilledPlaces; place++)
        {
            await using var killed = await Follower.CreateAsync(databases, index);
            await killed.FollowUntilKilledAsync(statements * place / (KilledPlaces + 1), isAnswered: place % 2 == 0);
            await killed.FollowUntilKilledAsync(statements / 10, isAnswered: place % 2 == 1);
            Assert.NotEqual(undisturbed.Serial, await killed.SerialAsync());
            await killed.FollowAsync();
            foreach (var sql in Rows.Prepend("SELECT p::text FROM packages p ORDER BY 1"))
                Assert.Equal(await undisturbed.RowsAsync(sql), await killed.RowsAsync(sql));
            Assert.Equal(undisturbed.Pages(), killed.Pages());
        }
    }

    [Theory]
    [InlineData(BulkFunction, false)]
    [InlineData(BulkFunction, true)]
    [InlineData("mark_removed", true)]
    public async Task Killed_while_a_backlog_takes_effect_it_ends_with_the_rows_of_an_undisturbed_run(
        string function, bool isAnswered)
    {
        using var distributions = new DistributionFolder();
        await using var index = await BacklogAsync(distributions);
        await using var undisturbed = await Follower.CreateAsync(databases, index);
        await undisturbed.FollowAsync(writesPages: false);
        Assert.InRange(undisturbed.BulkStatements, 4, 8);

        await using var killed = await Follower.CreateAsync(databases, index);
        var serial = 0L;
        foreach (var times in function == BulkFunction ? new[] { 1, 2 } : [1])
        {
            await killed.FollowUntilKilledAsync(function, times, isAnswered);
            Assert.InRange(await killed.SerialAsync(), serial, undisturbed.Serial - 1);
            serial = await killed.SerialAsync();
        }

        Assert.True(serial > 0);
        await killed.FollowAsync(writesPages: false);
        foreach (var sql in Rows.Prepend("SELECT package || ' ' || skip FROM packages ORDER BY 1"))
            Assert.Equal(await undisturbed.RowsAsync(sql), await killed.RowsAsync(sql));
    }

    /// <summary>Packages with two versions each, of which every kind of change befalls some.</summary>
    private static async Task<StandInIndex> IndexAsync(DistributionFolder distributions)
    {
        for (var i = 0; i < Packages; i++)
        {
            distributions.AddSdist($"Pack.Age{i}", "1.0", null, $"Number {i}");
            if (i % 3 == 0) distributions.AddWheel($"pack_age{i}", "2.0");
            else distributions.AddSdist($"pack-age{i}", "2.0", null, $"Number {i}, again");
        }

        var index = await StandInIndex.StartAsync(distributions.Path, 0);
        // Several batches
        index.RowsMax = 150;
        for (var i = 0; i < Packages; i++)
        {
            if (i % 4 == 1) index.Catalog.Enter($"pack-age{i}", "1.0", "remove release");
            if (i % 4 == 2) index.Catalog.Enter($"pack-age{i}", "1.0", "yank release");
            if (i % 4 == 0) index.Catalog.Enter($"pack-age{i}", null, "remove project");
            if (i % 8 == 0) index.Catalog.Enter($"PACK-AGE{i}", null, "create");
        }

        return index;
    }

    /// <summary>The same kinds of change, with the log alone: a backlog asks for nothing else.</summary>
    private static async Task<StandInIndex> BacklogAsync(DistributionFolder distributions)
    {
        var index = await StandInIndex.StartAsync(distributions.Path, 0);
        index.RowsMax = 1_200;
        for (var i = 0; i < BacklogPackages; i++)
        {
            index.Catalog.Enter($"Pack.Age{i}", null, "create");
            index.Catalog.Enter($"pack-age{i}", "1.0", $"add source file pack-age{i}-1.0.tar.gz");
        }

        for (var i = 0; i < BacklogPackages; i++)
        {
            index.Catalog.Enter($"pack-age{i}", "2.0", $"add {(i % 3 == 0 ? "py3" : "source")} file pack-age{i}-2.0.zip");
            if (i % 4 == 1) index.Catalog.Enter($"pack-age{i}", "1.0", "remove release");
            if (i % 4 == 2) index.Catalog.Enter($"pack-age{i}", "1.0", "yank release");
            if (i % 4 == 0) index.Catalog.Enter($"pack-age{i}", null, "remove project");
            if (i % 8 == 0) index.Catalog.Enter($"PACK-AGE{i}", null, "create");
        }

        return index;
    }

    /// <summary>A master, the database and the folder that it publishes to; which stay when it is killed.</summary>
    private sealed class Follower : IAsyncDisposable
    {
        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("piw-e2e-");
        private readonly TestDatabase _store;
        private readonly StandInIndex _index;

        private Follower(TestDatabase store, StandInIndex index)
        {
            (_store, _index) = (store, index);
            Open(_folder.FullName);
        }

        /// <summary>The last that can have taken effect: the one after it only moves the log's clock.</summary>
        public long Serial => _index.Catalog.LastSerial - 1;

        public static async Task<Follower> CreateAsync(DatabaseFixture databases, StandInIndex index)
        {
            var store = await databases.CreateDatabaseAsync();
            await using var database = new Database(store.UserDsn);
            await database.AddTargetAsync(new Target("cp311", "linux_armv7l"));
            return new Follower(store, index);
        }

        /// <summary>How many statements of the last run had thousands of events take effect.</summary>
        public int BulkStatements { get; private set; }

        /// <summary>
        /// Follows to the log's end, until all pages are written if that is wanted; answers how many statements it took.
        /// </summary>
        public async Task<int> FollowAsync(bool writesPages = true)
        {
            var statements = 0;
            BulkStatements = 0;
            await using var gate = Gate((number, sql) =>
            {
                statements = number;
                if (sql.Contains(BulkFunction, StringComparison.Ordinal)) BulkStatements++;
                return false;
            });
            await using var master = Start(gate);
            var ended = master.EndAsync();
            await using var session = await _store.OpenAsync();
            await using var isDone = new NpgsqlCommand(
                $"SELECT pypi_serial >= {Serial} AND NOT ({writesPages} AND EXISTS (SELECT FROM rewrites_pending)) "
                + "FROM configuration",
                session);
            while (await isDone.ExecuteScalarAsync() is not true) Assert.False(ended.IsCompleted, master.Output);

            master.Signal("TERM");
            Assert.True(await master.EndAsync() == 0, master.Output);
            return statements;
        }

        /// <summary>Kills it at a statement, which the database has not seen yet, or whose answer it has not heard.</summary>
        public Task FollowUntilKilledAsync(int statement, bool isAnswered) =>
            FollowUntilKilledAsync((number, _) => number == statement, isAnswered);

        /// <summary>The same when a function is called for the n-th time.</summary>
        public Task FollowUntilKilledAsync(string function, int times, bool isAnswered) => FollowUntilKilledAsync(
            (_, sql) => sql.Contains(function, StringComparison.Ordinal) && --times == 0, isAnswered);

        private async Task FollowUntilKilledAsync(Func<int, string, bool> isStop, bool isAnswered)
        {
            await using var gate = Gate(isStop, isAnswered);
            await using var master = Start(gate);
            await Task.WhenAny(gate.Stopped, master.EndAsync());
            Assert.True(gate.Stopped.IsCompleted, master.Output);
            master.Signal("KILL");
            await master.EndAsync();
        }

        public async Task<long> SerialAsync() => long.Parse(
            (await RowsAsync("SELECT pypi_serial::text FROM configuration"))[0], CultureInfo.InvariantCulture);

        public async Task<IReadOnlyList<string>> RowsAsync(string sql) =>
            [.. (await _store.ColumnAsync(sql)).Select(row => row!)];

        /// <summary>The packages' pages, each with its path.</summary>
        public IEnumerable<string> Pages() =>
            new[] { "simple", "project" }.Select(part => Path.Combine(_folder.FullName, "www", part))
                .SelectMany(part => Directory.EnumerateFiles(part, "*", SearchOption.AllDirectories))
                .Order(StringComparer.Ordinal)
                .Select(path => $"{Path.GetRelativePath(_folder.FullName, path)}\n{File.ReadAllText(path)}");

        public async ValueTask DisposeAsync()
        {
            await _store.DisposeAsync();
            _folder.Delete(recursive: true);
        }

        private StatementGate Gate(Func<int, string, bool> isStop, bool holdsAnswer = false)
        {
            var gate = new StatementGate(_store.UserDsn.Host, isStop, holdsAnswer);
            Open(gate.Folder);
            Open(Path.Combine(gate.Folder, ".s.PGSQL.5432"));
            return gate;
        }

        private PiwProcess Start(StatementGate gate) => PiwProcess.StartAsUser(
        [
            "master", "--dev-mode", "--output-path", Path.Combine(_folder.FullName, "www"),
            "--dsn", $"postgresql://piwheels@{Uri.EscapeDataString(gate.Folder)}/{_store.UserDsn.Database}",
            "--pypi-xmlrpc", $"{_index.Pypi}", "--pypi-json", $"{_index.Pypi}", "--pypi-simple", $"{_index.Simple}",
            .. new[] { "status", "control", "import", "log", "slave", "file" }.SelectMany(
                queue => new[] { $"--{queue}-queue", $"ipc://{_folder.FullName}/{queue}" }),
        ]);

        /// <summary>Opens something to the user who the master runs as.</summary>
        private static void Open(string path) =>
            File.SetUnixFileMode(path, (UnixFileMode)Convert.ToInt32("777", 8));
    }
}
