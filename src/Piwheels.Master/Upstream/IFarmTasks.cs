using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>What following the index asks of the farm's other tasks; each answer means that it was taken on.</summary>
public interface IFarmTasks
{
    /// <summary>Has the package's project page and simple index written again.</summary>
    Task RequestPagesAsync(PackageName package, CancellationToken ct);

    /// <summary>Has builds of a package dropped and forgotten, and its pages and files removed.</summary>
    Task ForgetAsync(PackageName package, CancellationToken ct);

    /// <summary>Has builds of a version dropped and forgotten, and its files removed.</summary>
    Task ForgetAsync(Release release, CancellationToken ct);
}
