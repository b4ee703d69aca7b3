using System.Diagnostics.CodeAnalysis;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>One version of a project, as the project's page tells of it.</summary>
/// <param name="Text">The version as the index spells it.</param>
/// <param name="Sdists">Its source files.</param>
/// <param name="Wheels">Its built files.</param>
public sealed record IndexRelease(
    PackageVersion Version, string Text, IReadOnlyList<IndexFile> Sdists, IReadOnlyList<IndexFile> Wheels)
{
    // Longer ones first, where one ends with another
    private static readonly string[] SdistEndings =
        [".tar.gz", ".tar.bz2", ".tar.xz", ".tar.Z", ".tgz", ".tbz", ".txz", ".tar", ".zip"];

    /// <summary>
    /// Targets that no source file of it is for, but one of its wheels, which the farm's own index lists. Null where the
    /// policy is not to list them.
    /// </summary>
    public IReadOnlySet<Target>? LinkedOn { get; init; }

    public IEnumerable<IndexFile> Files => Sdists.Concat(Wheels);

    /// <summary>Whether all of it was yanked (PEP 592).</summary>
    public bool Yanked => Files.All(f => f.Yanked);

    /// <summary>When its first file was uploaded; null where the page does not say.</summary>
    public DateTimeOffset? Released => Files.Min(f => f.Uploaded);

    /// <summary>Whether a source file says that it runs on the target.</summary>
    public bool HasSourceFor(Target target) => Sdists.Any(file => RequiredPython.Admits(file.RequiresPython, target));

    /// <summary>
    /// The versions of a project, newest first. Files of other kinds than sdist and wheel, of other projects, and of
    /// versions that are none by PEP 440 are left out: no requirement can ask for them.
    /// </summary>
    public static IReadOnlyList<IndexRelease> Of(PackageName package, IndexPage page)
    {
        var spelt = new Dictionary<PackageVersion, string>();
        foreach (var text in page.Versions ?? [])
        {
            if (PackageVersion.TryParse(text, out var version)) spelt.TryAdd(version, text);
        }

        var releases = new Dictionary<PackageVersion, (List<IndexFile> Sdists, List<IndexFile> Wheels)>();
        foreach (var file in page.Files)
        {
            if (!TryReadName(package, file.Filename, out var text, out var wheel)) continue;
            if (!PackageVersion.TryParse(text, out var version)) continue;
            if (!releases.TryGetValue(version, out var files)) releases[version] = files = ([], []);
            (wheel ? files.Wheels : files.Sdists).Add(file);
            spelt.TryAdd(version, text);
        }

        return [.. releases
            .OrderByDescending(r => r.Key)
            .Select(r => new IndexRelease(r.Key, spelt[r.Key], r.Value.Sdists, r.Value.Wheels))];
    }

    private static bool TryReadName(
        PackageName package, string filename, [NotNullWhen(true)] out string? version, out bool isWheel)
    {
        isWheel = WheelFileName.TryParse(filename, out var wheel);
        version = wheel is not null && wheel.Package == package ? wheel.Version.Normal : null;
        return isWheel ? version is not null : TryReadSdistName(package, filename, out version);
    }

    /// <summary>
    /// Reads <c>NAME-VERSION.tar.gz</c>. Both parts can have dashes in old names, so the project's name says where the
    /// one ends (PEP 625 has it in one form only, since 2023).
    /// </summary>
    private static bool TryReadSdistName(PackageName package, string filename, [NotNullWhen(true)] out string? version)
    {
        version = null;
        var ending = Array.Find(SdistEndings, e => filename.EndsWith(e, StringComparison.Ordinal));
        if (ending is null) return false;
        var stem = filename[..^ending.Length];
        for (var dash = stem.IndexOf('-'); dash > 0; dash = stem.IndexOf('-', dash + 1))
        {
            if (PackageName.Canonicalize(stem[..dash]) != package.Value) continue;
            version = stem[(dash + 1)..];
            return version.Length > 0;
        }

        return false;
    }
}
