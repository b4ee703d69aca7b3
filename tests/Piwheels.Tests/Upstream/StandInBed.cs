using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Time.Testing;
using Piwheels.Cli.Demo;
using Piwheels.Master.Upstream;
using Piwheels.Testing;

namespace Piwheels.Tests.Upstream;

/// <summary>A stand-in index over a temporary folder, with faults to be switched on, and clients of it.</summary>
internal sealed class StandInBed : IAsyncDisposable
{
    private StandInBed(
        StandInIndex index,
        DistributionFolder folder,
        IndexFaults faults,
        UpstreamLimits limits,
        Func<string, string?> variable,
        TimeProvider clock)
    {
        (Index, Folder, Faults) = (index, folder, faults);
        Connection = new IndexConnection(clock, "https://farm.example/", limits, Meter, variable);
        Changelog = new ChangelogClient(Connection, index.Pypi);
        Projects = new ProjectClient(Connection, index.Pypi);
        Simple = new SimpleClient(Connection, index.Simple);
    }

    /// <summary>Those of a farm, without the pauses between calls of the change log.</summary>
    internal static UpstreamLimits Unpaced { get; } = new() { ChangelogInterval = TimeSpan.Zero };

    internal StandInIndex Index { get; }
    internal DistributionFolder Folder { get; }
    internal IndexFaults Faults { get; }
    internal IndexConnection Connection { get; }
    internal ChangelogClient Changelog { get; }
    internal ProjectClient Projects { get; }
    internal SimpleClient Simple { get; }

    internal UpstreamMeter Meter { get; } = new(TimeProvider.System);

    /// <summary>A clock that only the test moves.</summary>
    internal FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    /// <param name="limits">The pause between calls of the change log is left out unless they say otherwise.</param>
    /// <param name="certificate">To serve by https with.</param>
    /// <param name="clock">What the clients tell time by; the machine's own unless given.</param>
    /// <param name="variable">What the clients take for environment variables; nothing unless given.</param>
    internal static async Task<StandInBed> StartAsync(
        Action<DistributionFolder> fill,
        UpstreamLimits? limits = null,
        X509Certificate2? certificate = null,
        Func<string, string?>? variable = null,
        TimeProvider? clock = null)
    {
        var folder = new DistributionFolder();
        fill(folder);
        var faults = new IndexFaults();
        var index = await StandInIndex.StartAsync(folder.Path, 0, faults.HandleAsync, certificate);
        return new StandInBed(
            index, folder, faults, limits ?? Unpaced, variable ?? (_ => null), clock ?? TimeProvider.System);
    }

    /// <summary>How often a path was asked for.</summary>
    internal int Asked(string path) => Faults.Requests.Count(r => r.EndsWith(" " + path, StringComparison.Ordinal));

    /// <summary>Puts a file on the index while it serves.</summary>
    internal void Publish(string path) => Index.Catalog.Publish([StandInFile.Read(path)]);

    public async ValueTask DisposeAsync()
    {
        Connection.Dispose();
        Meter.Dispose();
        Faults.Dispose();
        await Index.DisposeAsync();
        Folder.Dispose();
    }
}
