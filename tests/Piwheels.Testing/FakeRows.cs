using Piwheels.Core.Database;
using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;

namespace Piwheels.Testing;

/// <summary>In which order releases are built.</summary>
internal enum FakePriority
{
    Requested,
    Fresh,
    Backlog,
}

internal sealed class FakePackage(PackageName name)
{
    public string Skip { get; set; } = "";

    public string Description { get; set; } = "";

    /// <summary>Spellings, and when they were last seen.</summary>
    public SortedDictionary<string, DateTimeOffset> Names { get; } =
        new(StringComparer.Ordinal) { [name.Value] = DateTimeOffset.UnixEpoch };

    public SortedDictionary<string, FakeVersion> Versions { get; } = new(StringComparer.Ordinal);

    public IReadOnlyList<string> Aliases => [.. Names.Keys.Where(each => each != name.Value)];

    public string DisplayName => Names
        .OrderByDescending(each => each.Value)
        .ThenBy(each => each.Key == name.Value)
        .ThenBy(each => each.Key, StringComparer.Ordinal)
        .First().Key;
}

internal sealed class FakeVersion(Release release, DateTimeOffset released)
{
    public Release Release { get; } = release;

    public DateTimeOffset Released { get; } = released;

    public string Skip { get; set; } = "";

    public bool Yanked { get; set; }

    public FakePriority Priority { get; set; } = FakePriority.Backlog;

    public List<FakeBuild> Builds { get; } = [];

    public Dictionary<Target, FakeDeferral> Deferred { get; } = [];

    public IReadOnlyList<UpstreamWheel> Upstream { get; set; } = [];

    public bool Linked { get; set; }

    public bool IsUpstream(TargetRow target) => Upstream.Any(wheel => WheelCoverage.RunsOn(wheel, target));
}

internal sealed class FakeBuild(BuildState state, Target target, DateTimeOffset at)
{
    /// <summary>As it was logged, with its number; <see cref="Files"/> says what is left of its files.</summary>
    public BuildState State { get; } = state;

    public Target Target { get; } = target;

    public DateTimeOffset At { get; } = at;

    public SortedDictionary<string, FileState> Files { get; } = new(StringComparer.Ordinal);

    public bool Examined { get; set; }

    public bool Covers(Target target) => State.Status && Files.Values.Any(file => WheelCoverage.RunsOn(file, target));
}

internal sealed record FakeRewrite(RewritePending Row, long Revision, bool Backlog);

internal sealed record FakeDeferral(int Attempts, bool Held, DateTimeOffset RetryAt, BuildFailure Failure);
