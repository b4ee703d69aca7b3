using Piwheels.Core.Database;
using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;

namespace Piwheels.Testing;

/// <summary>Builds that are tried again.</summary>
public sealed partial class FakeDatabase
{
    private readonly Dictionary<Guid, DateTimeOffset> _deferralsByRequest = [];

    public Task<DateTimeOffset?> DeferBuildAsync(
        BuildState build, IReadOnlyList<TimeSpan> delays, Guid? request = null) => Call<DateTimeOffset?>(() =>
    {
        if (request is { } asked && _deferralsByRequest.TryGetValue(asked, out var before)) return before;
        var version = BuiltVersion(build);
        var target = new Target(build.AbiTag!, build.PlatformTag!);
        if (!_targets.Exists(row => row.Target == target)) throw Refused($"nothing is built for {target} here");
        var attempts = version.Deferred.TryGetValue(target, out var deferral) ? deferral.Attempts : 0;
        var now = time.GetUtcNow();
        if (attempts >= delays.Count) return null;
        if (build.Failure!.Class == FailureClass.NoSource && version.Released < now.AddDays(-1)) return null;
        var retryAt = now + delays[attempts];
        version.Deferred[target] = new FakeDeferral(attempts + 1, true, retryAt, build.Failure);
        Owe(version.Release.Package, RewriteCommand.Project);
        if (request is { } number) _deferralsByRequest.Add(number, retryAt);
        return retryAt;
    });

    public Task<long> ResumeBuildsAsync(int limit = 1000) => Call(() =>
    {
        var resumed = 0L;
        var due = AllVersions()
            .SelectMany(version => version.Deferred.Select(each => (Version: version, Target: each.Key, Deferral: each.Value)))
            .Where(each => each.Deferral.Held && each.Deferral.RetryAt <= time.GetUtcNow())
            .OrderBy(each => each.Deferral.RetryAt).Take(limit).ToList();
        foreach (var (version, target, deferral) in due)
        {
            version.Deferred[target] = deferral with { Held = false };
            Owe(version.Release.Package, RewriteCommand.Project);
            resumed++;
        }

        return resumed;
    });

    private static bool IsHeld(FakeVersion version, Target target) =>
        version.Deferred.TryGetValue(target, out var deferral) && deferral.Held;

    /// <summary>What is done is not tried again.</summary>
    private void ForgetDeferred(FakeVersion version)
    {
        foreach (var target in version.Deferred.Keys.Where(target => IsDone(version, target)).ToList())
            version.Deferred.Remove(target);
    }

    /// <summary>Somebody asks for it now; whether anything was held.</summary>
    private static bool RetryDeferred(FakeVersion version)
    {
        var held = version.Deferred.Where(each => each.Value.Held).Select(each => each.Key).ToList();
        foreach (var target in held) version.Deferred.Remove(target);
        return held.Count > 0;
    }
}
