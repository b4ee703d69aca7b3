using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Testing;

/// <summary>Upstream's own wheels, and the policies about them.</summary>
public sealed partial class FakeDatabase
{
    private const string NotRead = "upstream not read yet";

    private readonly Dictionary<PackageName, UpstreamPolicy> _policies = [];
    private readonly Dictionary<PackageName, long> _upstreamOwed = [];
    private UpstreamPolicy _policy;
    private long _upstreamRevision;

    /// <summary>Sets the policy of all packages that have none of their own, as an operator would.</summary>
    public void SetPolicy(UpstreamPolicy policy)
    {
        lock (_lock)
        {
            _policy = policy;
            OweUpstream(_packages.Keys.Where(package => !_policies.ContainsKey(package)));
        }
    }

    /// <summary>Sets a package's own policy, as an operator would; null takes it back.</summary>
    public void SetPolicy(PackageName package, UpstreamPolicy? policy)
    {
        lock (_lock)
        {
            if (policy is { } own) _policies[package] = own;
            else _policies.Remove(package);
            OweUpstream([package]);
        }
    }

    /// <summary>What is known of upstream's wheels of a package.</summary>
    public IReadOnlyList<UpstreamWheel> UpstreamWheelsOf(PackageName package)
    {
        lock (_lock) return [.. VersionsOf(package).SelectMany(version => version.Upstream)];
    }

    public Task<UpstreamPolicies> GetUpstreamPoliciesAsync() =>
        Call(() => new UpstreamPolicies(_policy, new Dictionary<PackageName, UpstreamPolicy>(_policies)));

    public Task OweUpstreamAsync(IReadOnlyList<PackageName> packages) => Call(() => OweUpstream(packages));

    public Task<IReadOnlyList<UpstreamOwed>> GetUpstreamOwedAsync(int limit) => Call<IReadOnlyList<UpstreamOwed>>(() =>
    [
        .. _upstreamOwed.OrderBy(owed => owed.Value).Take(limit)
            .Select(owed => new UpstreamOwed(owed.Key, PolicyOf(owed.Key), owed.Value)),
    ]);

    public Task SetUpstreamWheelsAsync(PackageName package, IReadOnlyList<UpstreamWheel>? wheels, long revision) =>
        Call(() =>
        {
            if (Find(package) is null) return;
            var policy = PolicyOf(package);
            var changed = false;
            foreach (var version in VersionsOf(package))
            {
                var before = (version.Linked, version.Skip, version.Upstream);
                if (policy == UpstreamPolicy.Rebuild) version.Upstream = [];
                else if (wheels is not null) version.Upstream = WheelsOf(version, wheels);
                version.Linked = policy == UpstreamPolicy.Link && version.Upstream.Count > 0;
                if (version.Skip == NotRead) version.Skip = "";
                changed |= (version.Linked, version.Skip) != (before.Linked, before.Skip)
                    || !version.Upstream.SequenceEqual(before.Upstream);
            }

            if (changed) Owe(package, RewriteCommand.Both);
            if (_upstreamOwed.TryGetValue(package, out var owed) && owed <= revision) _upstreamOwed.Remove(package);
        });

    private static List<UpstreamWheel> WheelsOf(FakeVersion version, IReadOnlyList<UpstreamWheel> wheels) =>
    [
        .. wheels.Where(wheel => wheel.Version == version.Release.Version)
            .DistinctBy(wheel => wheel.Filename)
            .OrderBy(wheel => wheel.Filename, StringComparer.Ordinal),
    ];

    private UpstreamPolicy PolicyOf(PackageName package) => _policies.GetValueOrDefault(package, _policy);

    private void OweUpstream(IEnumerable<PackageName> packages)
    {
        foreach (var package in packages.Where(package => Find(package) is not null).Order().ToList())
            _upstreamOwed[package] = ++_upstreamRevision;
    }

    private List<UpstreamWheel> LinkedOf(FakeVersion version) => version.Linked
        ? [.. version.Upstream.Where(wheel => !AllBuilds().Any(build => build.Files.ContainsKey(wheel.Filename)))]
        : [];
}
