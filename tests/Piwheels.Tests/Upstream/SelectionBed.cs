using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Master.Upstream;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Upstream;

/// <summary>A selection's follower between a stand-in index and a database in memory.</summary>
internal sealed class SelectionBed : IAsyncDisposable
{
    internal static readonly Target Cp39 = new("cp39", "linux_armv7l");
    internal static readonly Target Cp311 = new("cp311", "linux_armv7l");

    private readonly TemporaryFolder _output = new();
    private SelectionFollower? _follower;
    private SelectionPages? _pages;
    private PolicyWatch? _policies;

    internal StandInBed Index { get; private init; } = null!;
    internal FakeDatabase Database { get; private init; } = null!;
    internal RecordedFarm Farm { get; } = new();
    internal RecordedLog Log { get; } = new();
    internal FollowedNames Names { get; set; } = FollowedNames.All;
    internal bool AllVersions { get; set; }
    internal string Output => _output.Path;

    internal static async Task<SelectionBed> StartAsync(Action<DistributionFolder> fill, Target[]? targets = null)
    {
        var index = await StandInBed.StartAsync(fill);
        var bed = new SelectionBed { Index = index, Database = new FakeDatabase(index.Time) };
        foreach (var target in targets ?? [Cp39, Cp311]) await bed.Database.AddTargetAsync(target);
        return bed;
    }

    internal void Restart() => (_follower, _pages) = (null, null);

    /// <summary>Asks for these and nothing else.</summary>
    internal Task SelectAsync(params string[] requirements) => AskAsync(requirements, []);

    internal Task AskAsync(
        string[] requirements, string[] constraints, bool all = false, SelectionOrigin origin = SelectionOrigin.Up) =>
        Database.SetRequestsAsync(origin, new SelectionWish(
            [.. requirements.Select(Requirement.Parse)], [.. constraints.Select(Requirement.Parse)], all));

    private PolicyWatch Policies => _policies ??= new PolicyWatch(Database, Index.Time);
    private SelectionPages Pages => _pages ??= new SelectionPages(Index.Simple, Index.Time, Policies);

    internal Task FollowAsync() => OneThread.RunAsync(() =>
    {
        _follower ??= new SelectionFollower(
            Database,
            Pages,
            Index.Projects,
            new ReleaseRequirements(Database, new OwnWheels(Output), Index.Simple, Index.Projects),
            new Registry(Database, Farm, Policies),
            Names,
            AllVersions,
            Index.Time,
            Log.CreateLogger("test"));
        return _follower.FollowAsync(() => true, default);
    });

    /// <summary>Has what is owed of upstream's own wheels read, as beside the following.</summary>
    internal Task ReadUpstreamAsync() => OneThread.RunAsync(() => new UpstreamWheelReader(
        Database, (package, ct) => Pages.GetAsync(package, ifChanged: false, ct), Policies, Index.Time,
        Log.CreateLogger("test")).ReadAsync(() => true, default));

    /// <summary>All that is followed, as "app resolved 1.0", with what was not asked for by name marked.</summary>
    internal async Task<List<string>> EntriesAsync()
    {
        var selection = await Database.GetSelectionAsync();
        return
        [
            .. selection.Entries.Select(e => $"{e.Package} " + (e.State switch
            {
                SelectionState.Resolved =>
                    $"resolved {string.Join(", ", e.Versions.Select(v => v.Version))}"
                    + (e.Message.Length > 0 ? $", but: {e.Message}" : ""),
                SelectionState.New => "new",
                _ => $"{e.State.ToString().ToLowerInvariant()}: {e.Message}",
            }) + (selection.Requests.Any(r => r.Package == e.Package) ? "" : " (dependency)"))
            .Order(StringComparer.Ordinal),
        ];
    }

    /// <summary>What a package needs, in words.</summary>
    internal async Task<List<string>> NeedsAsync(string package) =>
        [.. (await Database.GetSelectionAsync()).Entries.Single(e => e.Package.Value == package).Needs
            .Select(n => n.Requirement).Order(StringComparer.Ordinal)];

    internal void AssertWarned(string text) => Assert.Contains(
        Log.Entries, l => l.Level == LogLevel.Warning && l.Message.Contains(text, StringComparison.Ordinal));

    internal async Task<List<string>> VersionsAsync(string package) =>
        [.. (await Database.GetProjectDataAsync(PackageName.Parse(package)))!.Versions
            .Select(v => v.Version).Order(StringComparer.Ordinal)];

    /// <summary>Has a wheel built and published, with its metadata beside it.</summary>
    internal async Task BuildAsync(string package, string version, params string[] requires)
    {
        var folder = Directory.CreateDirectory(Path.Combine(Output, "simple", package));
        await File.WriteAllTextAsync(
            Path.Combine(folder.FullName, $"{Wheel(package, version)}.metadata"),
            $"Metadata-Version: 2.1\nName: {package}\n" +
            string.Concat(requires.Select(r => $"Requires-Dist: {r}\n")) + "\n");
        await LogBuildAsync(package, version);
    }

    internal Task<long> LogBuildAsync(string package, string version) => Database.LogBuildAsync(new BuildState(
        1, package, version, Cp39.Abi, true, TimeSpan.FromSeconds(1), "", [
            new FileState(
                Wheel(package, version),
                1,
                new string('0', 64),
                package.Replace('-', '_'),
                version,
                "py3",
                "none",
                "any",
                null, FileState.NoDependencies),
        ],
        Cp39.Platform));

    public async ValueTask DisposeAsync()
    {
        await Index.DisposeAsync();
        _output.Dispose();
    }

    private static string Wheel(string package, string version) =>
        $"{package.Replace('-', '_')}-{version}-py3-none-any.whl";
}
