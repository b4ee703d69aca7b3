using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.Recipes;
using Piwheels.Core.States;

namespace Piwheels.Master.Publishing;

/// <summary>
/// A package as its pages show it: releases in order, without those that the index deleted, and with the wheels that
/// are listed under a second name.
/// </summary>
internal sealed record PackageView(ProjectData Data, IReadOnlyList<ReleaseView> Releases)
{
    /// <summary>The reason that marks what was deleted upstream, while its row is kept.</summary>
    internal const string DeletedReason = "deleted";

    /// <summary>What waits and is not given to slaves now.</summary>
    internal IReadOnlyList<HeldBuild> Held { get; init; } = [];

    /// <summary>What the operator says of how it is built.</summary>
    internal IReadOnlyList<RecipeSection> Recipes { get; init; } = [];

    internal PackageName Package => Data.Package;

    /// <summary>Whether the whole package was deleted upstream.</summary>
    internal bool IsDeleted => Data.Skip == DeletedReason;

    /// <summary>
    /// The release that an installer would take: the newest with files, a pre-release only if all are.
    /// </summary>
    internal ReleaseView? Newest =>
        Releases.FirstOrDefault(release => release is { IsPrerelease: false, HasFiles: true, Data.Yanked: false }) ??
        Releases.FirstOrDefault(release => release is { HasFiles: true, Data.Yanked: false });

    internal static PackageView Of(ProjectData data, bool armv6Alias)
    {
        var releases = data.Versions
            .Where(version => version.Skip != DeletedReason)
            .Select(version => ReleaseView.Of(armv6Alias ? Armv6Alias.AddTo(version) : version))
            .Order(ReleaseView.NewestFirst);
        return new PackageView(data, [.. releases]);
    }

    /// <summary>The same without one release.</summary>
    internal PackageView Without(string version) =>
        this with { Releases = [.. Releases.Where(release => release.Data.Version != version)] };
}

/// <summary>One release, with its version read once.</summary>
/// <param name="Version">Null where the text is no version by PEP 440.</param>
internal sealed record ReleaseView(ProjectVersion Data, PackageVersion? Version)
{
    /// <summary>The order of all pages: by PEP 440, newest first, and what is none last.</summary>
    internal static readonly IComparer<ReleaseView> NewestFirst = Comparer<ReleaseView>.Create(Compare);

    /// <summary>Whether the index lists anything of it, built here or linked.</summary>
    internal bool HasFiles => Data.Files.Count > 0 || Data.Linked.Count > 0;

    internal bool IsPrerelease => Version?.IsPrerelease ?? false;

    internal static ReleaseView Of(ProjectVersion data) =>
        new(data, PackageVersion.TryParse(data.Version, out var version) ? version : null);

    private static int Compare(ReleaseView left, ReleaseView right)
    {
        var order = (left.Version, right.Version) switch
        {
            ({ } first, { } second) => second.CompareTo(first),
            ({ }, null) => -1,
            (null, { }) => 1,
            _ => 0,
        };
        return order != 0 ? order : string.CompareOrdinal(left.Data.Version, right.Data.Version);
    }
}

/// <summary>
/// Wheels for linux_armv7l run on Raspberry Pis whose Python says linux_armv6l, since both come from the same builds;
/// where the setting is on, they are listed for both. Never the other way round.
/// </summary>
public static class Armv6Alias
{
    internal const string Platform = "linux_armv6l";
    private const string RealPlatform = "linux_armv7l";
    private const string RealEnding = $"-{RealPlatform}.whl";

    /// <summary>The other name of a wheel; null for one that has none.</summary>
    public static string? NameFor(string filename) =>
        filename.EndsWith(RealEnding, StringComparison.Ordinal)
            ? $"{filename[..^RealEnding.Length]}-{Platform}.whl"
            : null;

    /// <summary>The version with the other names of its files, but for those that are files of their own.</summary>
    internal static ProjectVersion AddTo(ProjectVersion version)
    {
        var known = version.Files.Select(file => file.Filename).ToHashSet(StringComparer.Ordinal);
        var aliases = version.Files
            .Where(file => NameFor(file.Filename) is { } alias && !known.Contains(alias))
            .Select(file => file with { Filename = NameFor(file.Filename)!, PlatformTag = Platform })
            .ToList();
        return aliases.Count == 0 ? version : version with { Files = [.. version.Files, .. aliases] };
    }
}

/// <summary>Where a file lies, as a URL path.</summary>
internal static class FileLocation
{
    /// <summary>
    /// The path of a package's folder below a location, with a slash at the end. A location that is no plain path of
    /// this site counts as the default one, so that no page leads elsewhere.
    /// </summary>
    internal static string FolderOf(string location, PackageName package) =>
        $"{(IsPlain(location) ? location : FileState.DefaultLocation)}/{package}/";

    /// <summary>Whether files of that location lie in the simple index itself.</summary>
    internal static bool IsSimple(string location) => location == FileState.DefaultLocation || !IsPlain(location);

    private static bool IsPlain(string location) =>
        location.Length > 1 && location[0] == '/' &&
        location[1..].Split('/').All(part => part.Length > 0 && part[0] != '.' && part.All(IsPlain));

    private static bool IsPlain(char c) => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.';
}
