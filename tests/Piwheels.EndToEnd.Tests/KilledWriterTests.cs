using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Storage;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>`piw master` that is killed in the middle of writing pages.</summary>
public sealed class KilledWriterTests(DatabaseFixture databases)
{
    private const int Packages = 60;

    /// <summary>How temporary files of pages are named.</summary>
    private const string Temporary = ".page-*.tmp";

    /// <summary>Which temporary file a master is killed at, from the first that it makes.</summary>
    private static readonly int[] KilledAt = [2, 70, 25, 120];

    [Fact]
    public async Task Killed_at_a_half_written_page_again_and_again_it_leaves_the_pages_of_one_that_never_was()
    {
        await using var store = await databases.CreateDatabaseAsync();
        using var killed = new Output();
        using var undisturbed = new Output();
        foreach (var output in new[] { killed, undisturbed }) output.AddWheels();
        await AddReleasesAsync(store);
        killed.AddLeftovers();

        for (var round = 0; round < KilledAt.Length; round++)
        {
            await ChangeAsync(store, round);
            await KillAsync(store, killed, KilledAt[round]);
            Assert.NotEmpty(await store.ColumnAsync("SELECT package FROM rewrites_pending"));
        }

        await WriteAllAsync(store, killed);
        await store.RunAsync(
            "INSERT INTO rewrites_pending (package, added_at, command) SELECT package, now(), 'BOTH' FROM packages");
        await WriteAllAsync(store, undisturbed);
        var expected = undisturbed.Pages();
        // All of a site's kinds, and of three packages one was deleted
        Assert.True(expected.Count > Packages * 2 / 3 * 6, $"{expected.Count} pages");
        Assert.Equal(expected, killed.Pages());
    }

    /// <summary>What a package's page says changes in each round, so that all pages are owed and all of them differ.</summary>
    private static async Task ChangeAsync(TestDatabase store, int round)
    {
        await using var database = new Database(store.UserDsn);
        for (var number = 0; number < Packages; number++)
        {
            var package = NameOf(number);
            await database.SetPackageDescriptionAsync(package, $"{package} as of round {round}");
            var release = new Release(package, "1.0");
            await (round % 2 == 0 ? database.YankVersionAsync(release) : database.UnyankVersionAsync(release));
            if (round == KilledAt.Length - 1 && number % 3 == 0) await database.SkipPackageAsync(package, "deleted");
            await database.SaveRewritesPendingAsync([new RewritePending(package, DateTimeOffset.UnixEpoch, RewriteCommand.Both)]);
            if (number % 5 == 0) await database.AddPackageNameAsync(package, $"Pack.Age{number}", DateTimeOffset.UnixEpoch);
        }
    }

    private static async Task AddReleasesAsync(TestDatabase store)
    {
        await using var database = new Database(store.UserDsn);
        await database.AddTargetAsync(new Target("cp311", "linux_armv7l"));
        for (var number = 0; number < Packages; number++)
        {
            var package = NameOf(number);
            await database.AddNewPackageAsync(package);
            foreach (var version in new[] { "1.0", "2.0" })
            {
                await database.AddNewPackageVersionAsync(new Release(package, version), DateTimeOffset.UnixEpoch);
                var wheel = WheelOf(package, version);
                var content = wheel.ToBytes();
                await database.LogBuildAsync(new BuildState(
                    1, package.Value, version, "cp311", true, TimeSpan.FromMinutes(1), "built\n",
                    [
                        new FileState(
                            wheel.FileName, content.Length, Convert.ToHexStringLower(SHA256.HashData(content)),
                            package.Value, version, "cp311", "cp311", "linux_armv7l", ">=3.9",
                            new Dictionary<string, IReadOnlyList<string>>()),
                    ],
                    "linux_armv7l"));
            }
        }
    }

    /// <summary>Lets a master write until it has made so many temporary files, and kills it at that moment.</summary>
    private static async Task KillAsync(TestDatabase store, Output output, int files)
    {
        using var watcher = new FileSystemWatcher(output.Site, Temporary) { IncludeSubdirectories = true };
        await using var master = Start(store, output);
        watcher.Created += (_, _) =>
        {
            if (Interlocked.Decrement(ref files) == 0) Process.GetProcessById(master.Id).Kill();
        };
        watcher.EnableRaisingEvents = true;
        Assert.True(await master.EndAsync() == 128 + 9, master.Output);
    }

    private static Task WriteAllAsync(TestDatabase store, Output output) =>
        WritingMaster.WriteAllAsync(store, output.Folder, output.Site);

    private static PiwProcess Start(TestDatabase store, Output output) =>
        WritingMaster.Start(store, output.Folder, output.Site);

    private static PackageName NameOf(int number) => PackageName.Parse(string.Create(
        CultureInfo.InvariantCulture, $"pack-age{number}"));

    private static WheelMaker WheelOf(PackageName package, string version) => new(
        package.Value.Replace('-', '_'), version, "cp311-cp311-linux_armv7l");

    /// <summary>A folder that a master publishes to, which stays when it is killed.</summary>
    private sealed class Output : IDisposable
    {
        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("piw-e2e-");

        public Output()
        {
            foreach (var path in new[] { "", "www", "www/simple", "www/logs", "www/logs/0000", "www/logs/0000/0000" })
                Make(path);
        }

        public string Folder => _folder.FullName;

        public string Site => Path.Combine(Folder, "www");

        public void AddWheels()
        {
            for (var number = 0; number < Packages; number++)
            {
                var package = NameOf(number);
                var folder = Make($"www/simple/{package}");
                foreach (var version in new[] { "1.0", "2.0" }) WheelOf(package, version).WriteTo(folder);
            }
        }

        /// <summary>Where a killed master can have left half a file, whenever that was.</summary>
        public void AddLeftovers()
        {
            foreach (var folder in new[] { "", "simple", "simple/pack-age7", "logs/0000/0000" })
                File.WriteAllText(Path.Combine(Site, folder, ".page-00000000000000000000000000000000.tmp"), "half");
        }

        /// <summary>
        /// All that is published, each with its path, and links with what they say; but for pages that tell the time.
        /// </summary>
        public IReadOnlyList<string> Pages() =>
        [
            .. Below(new DirectoryInfo(Site)).Order(StringComparer.Ordinal)
                .Where(path => path is not ("index.html" or "stats.html"))
                .Select(path => $"{path}\n{ContentOf(Path.Combine(Site, path))}"),
        ];

        public void Dispose() => _folder.Delete(recursive: true);

        private static string ContentOf(string path) =>
            new FileInfo(path).LinkTarget ?? Convert.ToBase64String(File.ReadAllBytes(path));

        private IEnumerable<string> Below(DirectoryInfo folder) => folder.EnumerateFileSystemInfos()
            .Where(info => !info.Name.StartsWith(".transfers", StringComparison.Ordinal))
            .SelectMany(info => info is DirectoryInfo { LinkTarget: null } inner
                ? Below(inner)
                : [Path.GetRelativePath(Site, info.FullName)]);

        /// <summary>A folder that the user may write to whom the master runs as.</summary>
        private string Make(string path)
        {
            var folder = Directory.CreateDirectory(Path.Combine(Folder, path)).FullName;
            File.SetUnixFileMode(folder, (UnixFileMode)Convert.ToInt32("777", 8));
            return folder;
        }
    }
}
