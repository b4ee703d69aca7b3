using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;

namespace Piwheels.Cli.Administration;

/// <summary>
/// What the index says of packages, in one line each. Packages are added without it too, so whatever goes wrong is told
/// and no fault; an index that is away is not asked again.
/// </summary>
/// <param name="tell">Told, in one line, why a package gets no description.</param>
internal sealed class IndexDescriptions(Uri root, TimeProvider time, Action<string> tell, CancellationToken stop) : IDisposable
{
    private static readonly UpstreamLimits Limits = new() { PageTimeout = TimeSpan.FromSeconds(20) };

    // Made when it is needed, which for most uses of the command it is not
    private IndexConnection? _connection;
    private bool _away;

    /// <summary>The description; empty where there is none to be had.</summary>
    public async Task<string> OfAsync(PackageName package)
    {
        if (_away) return "";
        _connection ??= new IndexConnection(time, limits: Limits);
        switch (await new ProjectClient(_connection, root).GetAsync(package, stop))
        {
            case Fetched<ProjectFacts>.Found(var facts):
                return facts.Description;
            case Fetched<ProjectFacts>.Away(var reason, _, _):
                _away = true;
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

    public void Dispose() => _connection?.Dispose();
}
