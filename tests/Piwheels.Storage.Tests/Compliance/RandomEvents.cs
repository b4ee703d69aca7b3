using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;

namespace Piwheels.Storage.Tests.Compliance;

/// <summary>Events of every kind about few packages and releases, so that they meet.</summary>
internal static class RandomEvents
{
    private static readonly DateTimeOffset Start = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);

    internal static UpstreamEffect Next(Random random, string[] names, int number)
    {
        var name = names[random.Next(names.Length)];
        var spelling = random.Next(3) switch { 0 => name, 1 => name.ToUpperInvariant(), _ => char.ToUpperInvariant(name[0]) + name[1..] };
        var package = PackageName.Parse(name);
        var release = new Release(package, random.Next(2) == 0 ? "1.0" : "2.0");
        var at = Start.AddMinutes(number);
        return random.Next(14) switch
        {
            0 or 1 => new UpstreamEffect.Created(package, spelling, at),
            2 or 3 or 4 => new UpstreamEffect.FileAdded(release, spelling, true, at),
            5 or 6 or 7 => new UpstreamEffect.FileAdded(release, spelling, false, at),
            8 or 9 => new UpstreamEffect.YankChanged(release, true),
            10 => new UpstreamEffect.YankChanged(release, false),
            11 or 12 => new UpstreamEffect.VersionRemoved(release),
            _ => new UpstreamEffect.PackageRemoved(package),
        };
    }

    internal static List<List<UpstreamEffect>> Split(Random random, List<UpstreamEffect> events)
    {
        var parts = new List<List<UpstreamEffect>>();
        for (var from = 0; from < events.Count; from += parts[^1].Count)
            parts.Add(events.GetRange(from, random.Next(1, events.Count - from + 1)));
        return parts;
    }
}

/// <summary>Carries events over as a farm does that is not behind.</summary>
internal sealed class OneByOne(IDatabase database)
{
    private readonly Registry _registry = new(database, new NobodyElse());

    internal async Task TakeAsync(IEnumerable<UpstreamEffect> events)
    {
        foreach (var effect in events)
        {
            await (effect switch
            {
                UpstreamEffect.Created c => _registry.AddPackageAsync(c.Package, c.Spelling, c.At, NoDescription),
                UpstreamEffect.FileAdded f =>
                    _registry.AddFileAsync(f.Release, f.Spelling, f.Source, f.At, NoDescription),
                UpstreamEffect.PackageRemoved r => _registry.RemoveAsync(r.Package, default),
                UpstreamEffect.VersionRemoved r => _registry.RemoveAsync(r.Release, default),
                UpstreamEffect.YankChanged y => _registry.SetYankedAsync(y.Release, y.Yanked),
                _ => Task.CompletedTask,
            });
        }
    }

    private static Task<string> NoDescription() => Task.FromResult("");

    /// <summary>Other tasks that have nothing to forget.</summary>
    private sealed class NobodyElse : IFarmTasks
    {
        public Task RequestPagesAsync(PackageName package, CancellationToken ct) => Task.CompletedTask;
        public Task ForgetAsync(PackageName package, CancellationToken ct) => Task.CompletedTask;
        public Task ForgetAsync(Release release, CancellationToken ct) => Task.CompletedTask;
    }
}
