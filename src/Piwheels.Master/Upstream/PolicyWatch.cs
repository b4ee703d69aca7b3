using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>
/// Knows which packages' own wheels at the index are looked at, and enters those that are to be looked at again. A farm
/// that rebuilds everything pays one small question to its database every few seconds. For one thread.
/// </summary>
internal sealed class PolicyWatch(IDatabase database, TimeProvider time)
{
    /// <summary>
    /// How old what is known may be. Events of the change log are older than that by minutes when they take effect, so
    /// what happens after a policy was set is never judged by the one before.
    /// </summary>
    internal static readonly TimeSpan FreshTime = TimeSpan.FromSeconds(5);

    private UpstreamPolicies? _policies;
    private DateTimeOffset _readAt;

    /// <summary>Whether something was entered here since it was asked last.</summary>
    private bool _entered;

    /// <summary>Why a version with a source file is not built yet: empty where nothing needs to be looked at before.</summary>
    internal async ValueTask<string> SkipOfSourceAsync(PackageName package) =>
        await LooksAtAsync(package) ? SkipReasons.UpstreamUnread : "";

    /// <summary>Enters those of the packages whose wheels at the index are looked at.</summary>
    internal async Task OweAsync(IEnumerable<PackageName> packages)
    {
        var policies = await GetAsync();
        if (policies.Farm == UpstreamPolicy.Rebuild && policies.OfPackages.Count == 0) return;
        var looked = packages.Where(package => policies.Of(package) != UpstreamPolicy.Rebuild).Distinct().ToList();
        if (looked.Count > 0) await EnterAsync(looked);
    }

    /// <summary>Enters packages, whatever their policy is by now.</summary>
    internal async Task EnterAsync(IReadOnlyList<PackageName> packages)
    {
        await database.OweUpstreamAsync(packages);
        _entered = true;
    }

    /// <summary>Whether something was entered here since the last call.</summary>
    internal bool TakeEntered()
    {
        var entered = _entered;
        _entered = false;
        return entered;
    }

    /// <summary>Has the policies read anew, since one has changed.</summary>
    internal void Forget() => _policies = null;

    private async ValueTask<bool> LooksAtAsync(PackageName package) =>
        (await GetAsync()).Of(package) != UpstreamPolicy.Rebuild;

    internal async ValueTask<UpstreamPolicies> GetAsync()
    {
        if (_policies is { } known && time.GetUtcNow() - _readAt < FreshTime) return known;
        var readAt = time.GetUtcNow();
        var read = await database.GetUpstreamPoliciesAsync();
        (_policies, _readAt) = (read, readAt);
        return read;
    }
}
