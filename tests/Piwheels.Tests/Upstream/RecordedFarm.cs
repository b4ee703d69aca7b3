using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;

namespace Piwheels.Tests.Upstream;

/// <summary>Other tasks that take on whatever they are asked, and keep it in mind.</summary>
internal sealed class RecordedFarm : IFarmTasks
{
    internal List<string> Asked { get; } = [];

    /// <summary>Called before a request is taken on; a test can have it fail.</summary>
    internal Action<string> Before { get; set; } = _ => { };

    public Task RequestPagesAsync(PackageName package, CancellationToken ct) => Take($"pages of {package}");

    public Task ForgetAsync(PackageName package, CancellationToken ct) => Take($"forget {package}");

    public Task ForgetAsync(Release release, CancellationToken ct) => Take($"forget {release}");

    private Task Take(string what)
    {
        Before(what);
        Asked.Add(what);
        return Task.CompletedTask;
    }
}
