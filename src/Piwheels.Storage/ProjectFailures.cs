using Piwheels.Core.Database;
using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;

namespace Piwheels.Storage;

/// <summary>Why builds of a package failed, and which are tried again when.</summary>
internal sealed class ProjectFailures
{
    private readonly Dictionary<long, BuildFailure> _ofBuilds = [];
    private readonly Dictionary<(string Version, Target Target), (BuildFailure Failure, DateTimeOffset RetryAt)> _deferred = [];

    /// <summary>Whether there may be any: something has failed, or waits.</summary>
    public static bool MayBeIn(ProjectData project) => project.Versions.Any(
        version => version.Targets.Any(target => target.State is TargetState.Fail or TargetState.Pending));

    public void Add(long buildId, BuildFailure failure) => _ofBuilds[buildId] = failure;

    public void Add(string version, Target target, BuildFailure failure, DateTimeOffset retryAt) =>
        _deferred[(version, target)] = (failure, retryAt);

    public ProjectData AddTo(ProjectData project) => _ofBuilds.Count + _deferred.Count == 0 ? project : project with
    {
        Versions =
        [
            .. project.Versions.Select(version => version with
            {
                Targets = [.. version.Targets.Select(target => AddTo(version.Version, target))],
            }),
        ],
    };

    private ProjectTarget AddTo(string version, ProjectTarget target) => target.State switch
    {
        TargetState.Fail when target.BuildId is { } build && _ofBuilds.TryGetValue(build, out var failure) =>
            target with { Failure = failure },
        TargetState.Pending when _deferred.TryGetValue((version, target.Target), out var deferral) =>
            target with { Failure = deferral.Failure, RetryAt = deferral.RetryAt },
        _ => target,
    };
}
