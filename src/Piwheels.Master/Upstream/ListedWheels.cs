using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>Which wheels of a project's page count as upstream's own.</summary>
internal static class ListedWheels
{
    /// <summary>The longest address that is kept, in characters.</summary>
    private const int UrlLengthMax = 2_000;

    /// <summary>The longest tags that the database holds, in characters.</summary>
    private const int TagLengthMax = 100;

    /// <summary>
    /// The wheels of versions that the farm knows, as it spells these. A file without a SHA-256 is left out: nobody could
    /// tell whether it is the one that was meant; and so is one that is not had by http or https.
    /// </summary>
    internal static IReadOnlyList<UpstreamWheel> Of(IReadOnlyList<IndexRelease> releases, IEnumerable<string> versions)
    {
        var spelt = new Dictionary<PackageVersion, string>();
        foreach (var text in versions.Order(StringComparer.Ordinal))
        {
            if (PackageVersion.TryParse(text, out var version)) spelt.TryAdd(version, text);
        }

        return
        [
            .. releases.Where(release => spelt.ContainsKey(release.Version))
                .SelectMany(release => release.Wheels.Select(file => Of(spelt[release.Version], file)))
                .OfType<UpstreamWheel>()
                .DistinctBy(wheel => wheel.Filename),
        ];
    }

    /// <summary>A release that says where its wheels do for a source file.</summary>
    internal static IndexRelease Linked(IndexRelease release, IReadOnlyList<TargetRow> targets)
    {
        var rest = targets.Where(row => !release.HasSourceFor(row.Target)).ToList();
        var wheels = rest.Count == 0
            ? []
            : release.Wheels.Select(file => Of(release.Text, file)).OfType<UpstreamWheel>().ToList();
        return release with
        {
            LinkedOn = rest.Where(row => wheels.Any(wheel => RunsOn(wheel, row))).Select(row => row.Target).ToHashSet(),
        };
    }

    private static bool RunsOn(UpstreamWheel wheel, TargetRow row) =>
        TagSet.TryParse(wheel.PyVersionTag, wheel.AbiTag, wheel.PlatformTag, out var tags)
        && Coverage.CoversUpstream(tags, wheel.RequiresPython, row.Target, row.Glibc);

    private static UpstreamWheel? Of(string version, IndexFile file)
    {
        if (file.Sha256 is null || !WheelFileName.TryParse(file.Filename, out var name)) return null;
        if (file.Url.Scheme != Uri.UriSchemeHttps && file.Url.Scheme != Uri.UriSchemeHttp) return null;
        var url = file.Url.GetComponents(UriComponents.HttpRequestUrl, UriFormat.UriEscaped);
        if (url.Length > UrlLengthMax) return null;
        var wheel = new UpstreamWheel(
            version,
            file.Filename,
            url,
            file.Sha256,
            file.Size,
            file.RequiresPython,
            file.Yanked,
            file.Metadata,
            file.Uploaded,
            name.PythonTag.ToLowerInvariant(),
            name.AbiTag.ToLowerInvariant(),
            name.PlatformTag.ToLowerInvariant());
        return Math.Max(wheel.PyVersionTag.Length, Math.Max(wheel.AbiTag.Length, wheel.PlatformTag.Length)) > TagLengthMax
            ? null
            : wheel;
    }
}
