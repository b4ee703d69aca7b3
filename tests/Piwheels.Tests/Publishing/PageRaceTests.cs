using System.Diagnostics;
using FsCheck.Xunit;
using Microsoft.Extensions.Logging.Abstractions;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master;
using Piwheels.Master.Publishing;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Publishing;

/// <summary>
/// TheSecretary and TheScribe at work while what the pages say changes at any moment, before and after each question to
/// the database, and while the database fails now and then: no page is stale for ever.
/// </summary>
public sealed class PageRaceTests
{
    [Property(MaxTest = 25)]
    public async Task Whatever_changes_and_fails_while_pages_are_written_they_end_as_the_database_is(int seed)
    {
        await using var farm = new RacingFarm(seed);
        await farm.RaceAsync();
        await farm.SettleAsync();
        Assert.Equal(await farm.ExpectedAsync(), farm.Published());
    }

    private sealed class RacingFarm : IAsyncDisposable
    {
        private const int Steps = 25;
        private const int VersionsMax = 4;
        private static readonly PackageName[] Packages = [PackageName.Parse("foo"), PackageName.Parse("bar")];

        private readonly TemporaryFolder _folder = new();
        private readonly TaskTestbed _bed = new();
        private readonly FakeDatabase _database;
        private readonly MasterConfiguration _configuration;
        private readonly RpcClient<SecretaryRequest, SecretaryReply> _asks;
        private readonly TaskLoop[] _tasks;
        private readonly Random _random;
        private readonly List<Task> _asked = [];
        private readonly AsyncLocal<bool> _isChanging = new();
        private volatile bool _isRacing = true;

        internal RacingFarm(int seed)
        {
            _random = new Random(seed);
            _database = new FakeDatabase(_bed.Time) { Before = MeanwhileAsync, After = MeanwhileAsync };
            _configuration = new MasterConfiguration { OutputPath = _folder["site"], FollowSelection = true };
            var asker = _bed.Task("asker");
            _asks = asker.ConnectRpc<SecretaryRequest, SecretaryReply>(_configuration.WebQueue, TimeSpan.FromDays(9));
            _tasks =
            [
                _bed.Add(new TheScribe(_configuration, _bed.Environment, _database)),
                _bed.Add(new TheSecretary(_configuration, _bed.Environment, _database)),
                asker,
            ];
        }

        internal async Task RaceAsync()
        {
            foreach (var package in Packages) await ChangeAsync(() => _database.AddNewPackageAsync(package));
            foreach (var task in _tasks) task.Start();
            for (var step = 0; step < Steps; step++)
            {
                if (Next(3) == 0) await ChangeAsync();
                else if (Next(3) == 0) _bed.Time.Advance(TimeSpan.FromMilliseconds(Next(2_000)));
                else _asked.Add(_asks.AskAsync(AnyRequest()));
                if (Next(4) == 0) await ReachedAsync();
            }

            _isRacing = false;
        }

        /// <summary>Until nothing is owed and nobody waits, and then until the lists of all packages follow.</summary>
        internal async Task SettleAsync()
        {
            var began = Stopwatch.GetTimestamp();
            while (!(_asked.TrueForAll(asked => asked.IsCompleted) && await IsAllWrittenAsync()))
            {
                Assert.True(Stopwatch.GetElapsedTime(began) < 4 * Waiting.Limit, "pages are owed for ever");
                _bed.Time.Advance(TimeSpan.FromSeconds(5));
                await ReachedAsync();
            }

            var expected = await ExpectedAsync();
            for (var round = 0; round < 200 && !expected.SequenceEqual(Published()); round++)
            {
                _bed.Time.Advance(TimeSpan.FromSeconds(5));
                await ReachedAsync();
            }
        }

        /// <summary>Each page as it is when written once from what the database says now, after its path.</summary>
        internal async Task<IReadOnlyList<string>> ExpectedAsync()
        {
            using var folder = new TemporaryFolder();
            var (site, files) = (new SiteFolder(folder.Path), new WholeFile(flush: false));
            site.Ensure(site.Simple);
            var pages = new PagesOfPackage(site, files, SiteFacts.SiteOf(_configuration), NullLogger.Instance);
            foreach (var package in Packages)
            {
                var view = PackageView.Of((await _database.GetProjectDataAsync(package))!, armv6Alias: false);
                if (view.IsDeleted) continue;
                pages.WriteSimple(view);
                await pages.WriteProjectAsync(view);
            }

            var root = new RootIndex(site, files);
            root.Load();
            root.Write(root.Settle());
            return Contents(folder.Path);
        }

        internal List<string> Published()
        {
            try
            {
                return Contents(_folder["site"]);
            }
            catch (Exception fault) when (fault is FileNotFoundException or DirectoryNotFoundException)
            {
                // Something goes at this moment
                return [];
            }
        }

        public async ValueTask DisposeAsync()
        {
            await _bed.DisposeAsync();
            _folder.Dispose();
        }

        private static List<string> Contents(string site) =>
        [
            .. new[] { "simple", "project" }.Select(part => Path.Combine(site, part)).Where(Directory.Exists)
                .SelectMany(part => Directory.EnumerateFiles(part, "*", SearchOption.AllDirectories))
                .Order(StringComparer.Ordinal)
                .Select(path => $"{Path.GetRelativePath(site, path)}\n{File.ReadAllText(path)}"),
        ];

        private async Task<bool> IsAllWrittenAsync() =>
            (await _database.LoadRewritesPendingAsync()).Count + (await _database.LoadRewritesBacklogAsync()).Count == 0;

        // Called by both tasks, and by the test for itself
        private async Task MeanwhileAsync(string method)
        {
            if (!_isRacing || _isChanging.Value) return;
            switch (Next(8))
            {
                case 0: throw new DatabaseException("restarting", transient: true);
                case 1 or 2: await ChangeAsync(); break;
                default: await Task.Yield(); break;
            }
        }

        private Task ChangeAsync()
        {
            var (package, version) = (Packages[Next(Packages.Length)], new Release(Packages[0], $"{Next(VersionsMax)}.0"));
            version = version with { Package = package };
            return ChangeAsync(() => Next(6) switch
            {
                0 => _database.SetPackageDescriptionAsync(package, $"text {Next(1000)}"),
                1 => _database.AddNewPackageVersionAsync(version),
                2 => SkipAsync(package, Next(2) == 0 ? PackageView.DeletedReason : ""),
                3 => IfThereAsync(version, _database.YankVersionAsync),
                4 => IfThereAsync(version, _database.UnyankVersionAsync),
                _ => IfThereAsync(version, release => _database.SkipPackageVersionAsync(release, $"reason {Next(1000)}")),
            });
        }

        // As removals do, which come again after a kill
        private async Task SkipAsync(PackageName package, string reason)
        {
            await _database.SkipPackageAsync(package, reason);
            await _database.SaveRewritesPendingAsync(
                [new RewritePending(package, _bed.Time.GetUtcNow(), RewriteCommand.Both)]);
        }

        private async Task IfThereAsync(Release release, Func<Release, Task> change)
        {
            if (await _database.TestPackageVersionAsync(release)) await change(release);
        }

        // What changes is not disturbed itself
        private async Task ChangeAsync(Func<Task> change)
        {
            _isChanging.Value = true;
            try
            {
                await change();
            }
            finally
            {
                _isChanging.Value = false;
            }
        }

        private SecretaryRequest AnyRequest()
        {
            var package = Packages[Next(Packages.Length)];
            return Next(6) switch
            {
                0 => new SecretaryRequest.Project(package),
                1 => new SecretaryRequest.DeleteVersion(new Release(package, $"{Next(VersionsMax)}.0")),
                2 => new SecretaryRequest.Owed(package, RewriteCommand.Project),
                3 => new SecretaryRequest.DeletePackage(package),
                _ => new SecretaryRequest.Both(package),
            };
        }

        private async Task ReachedAsync()
        {
            foreach (var task in _tasks)
            {
                var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                task.Post(() => task.Post(reached.SetResult));
                await reached.Task.Within();
            }
        }

        private int Next(int max)
        {
            lock (_random) return _random.Next(max);
        }
    }
}
