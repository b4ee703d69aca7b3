using Microsoft.Extensions.Time.Testing;
using Piwheels.Cli.Demo;
using Piwheels.Master.Upstream;
using Piwheels.Testing;

namespace Piwheels.Tests.Upstream;

/// <summary>A stand-in index over a temporary folder, with faults to be switched on, and clients of it.</summary>
internal sealed class StandInBed : IAsyncDisposable
{
    private StandInBed(StandInIndex index, DistributionFolder folder, IndexFaults faults, UpstreamLimits limits)
    {
        (Index, Folder, Faults) = (index, folder, faults);
        Connection = new IndexConnection(TimeProvider.System, "https://farm.example/", limits);
        Changelog = new ChangelogClient(Connection, index.Pypi);
        Projects = new ProjectClient(Connection, index.Pypi);
        Simple = new SimpleClient(Connection, index.Simple);
    }

    internal StandInIndex Index { get; }
    internal DistributionFolder Folder { get; }
    internal IndexFaults Faults { get; }
    internal IndexConnection Connection { get; }
    internal ChangelogClient Changelog { get; }
    internal ProjectClient Projects { get; }
    internal SimpleClient Simple { get; }

    /// <summary>A clock that only the test moves.</summary>
    internal FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    internal static async Task<StandInBed> StartAsync(Action<DistributionFolder> fill, UpstreamLimits? limits = null)
    {
        var folder = new DistributionFolder();
        fill(folder);
        var faults = new IndexFaults();
        var index = await StandInIndex.StartAsync(folder.Path, 0, faults.HandleAsync);
        return new StandInBed(index, folder, faults, limits ?? new UpstreamLimits());
    }

    /// <summary>How often a path was asked for.</summary>
    internal int Asked(string path) => Faults.Requests.Count(r => r.EndsWith(" " + path, StringComparison.Ordinal));

    /// <summary>Puts a file on the index while it serves.</summary>
    internal void Publish(string path) => Index.Catalog.Publish([StandInFile.Read(path)]);

    public async ValueTask DisposeAsync()
    {
        Connection.Dispose();
        Faults.Dispose();
        await Index.DisposeAsync();
        Folder.Dispose();
    }
}
