using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;

namespace Piwheels.Cli.Administration;

/// <summary>What the index says of a release.</summary>
/// <param name="Released">Null where it does not tell.</param>
/// <param name="BinaryOnly">Whether it has wheels of it and no source file.</param>
/// <param name="Missing">Why nothing is known, in one line; null where something is.</param>
internal sealed record ReleaseFacts(DateTimeOffset? Released, bool Yanked, bool BinaryOnly, string? Missing);

/// <summary>
/// What the index says of packages and releases. They are added without it too, so whatever goes wrong is told and no
/// fault; an index that is away is not asked again.
/// </summary>
/// <param name="tell">Told, in one line, why a package gets no description.</param>
internal sealed class IndexFacts(Uri root, TimeProvider time, Action<string> tell, CancellationToken stop) : IDisposable
{
    private static readonly UpstreamLimits Limits = new() { PageTimeout = TimeSpan.FromSeconds(20) };

    // Made when it is needed, which for most uses of the command it is not
    private IndexConnection? _connection;
    private string? _away;

    /// <summary>The description; empty where there is none to be had.</summary>
    public async Task<string> DescriptionOfAsync(PackageName package)
    {
        if (_away is not null) return "";
        switch (await Client().GetAsync(package, stop))
        {
            case Fetched<ProjectFacts>.Found(var facts):
                return facts.Description;
            case Fetched<ProjectFacts>.Away(var reason, _, _):
                _away = reason;
                tell($"no descriptions from {root}: {reason}");
                return "";
            case Fetched<ProjectFacts>.Unusable(var reason):
                tell($"no description of {package} from {root}: {reason}");
                return "";
            default:
                tell($"no description of {package}: {root} does not know it");
                return "";
        }
    }

    public async Task<ReleaseFacts> ReleaseOfAsync(Release release)
    {
        if (_away is not null) return Nothing($"nothing of {release} from {root}: {_away}");
        switch (await Client().GetAsync(release, stop))
        {
            case Fetched<ProjectFacts>.Found(var facts):
                var released = facts.ReleasedOf(facts.Version ?? release.Version);
                return new ReleaseFacts(released, facts.Yanked, facts.BinaryOnly, Missing: null);
            case Fetched<ProjectFacts>.Away(var reason, _, _):
                _away = reason;
                return Nothing($"nothing of {release} from {root}: {reason}");
            case Fetched<ProjectFacts>.Unusable(var reason):
                return Nothing($"nothing of {release} from {root}: {reason}");
            default:
                return Nothing($"{root} does not know {release}");
        }
    }

    public void Dispose() => _connection?.Dispose();

    private static ReleaseFacts Nothing(string why) => new(null, Yanked: false, BinaryOnly: false, why);

    private ProjectClient Client() => new(_connection ??= new IndexConnection(time, limits: Limits), root);
}
