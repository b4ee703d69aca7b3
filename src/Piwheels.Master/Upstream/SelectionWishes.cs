using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>What is wanted of the versions of a package, and by whom.</summary>
/// <param name="Dependant">The release that requires it; null where somebody asked for it by name.</param>
/// <param name="AllVersions">Every version that matches, not the newest alone.</param>
public sealed record VersionWish(SpecifierSet Specifier, Release? Dependant, bool AllVersions)
{
    public bool ByName => Dependant is null;
}

/// <summary>What is wanted of a package on one target.</summary>
/// <param name="Limit">What the constraints leave.</param>
public sealed record TargetWishes(Target Target, SpecifierSet Limit, IReadOnlyList<VersionWish> Wishes);

/// <summary>All that is wanted of a package.</summary>
public sealed class PackageWishes
{
    /// <param name="targets">Those on which something is wanted.</param>
    /// <param name="depth">How far the package is from what somebody asked for by name, which is at 0.</param>
    public PackageWishes(PackageName package, IReadOnlyList<TargetWishes> targets, int depth)
    {
        ArgumentNullException.ThrowIfNull(targets);
        (Package, Targets, Depth) = (package, targets, depth);
        Key = string.Join('\n', targets.Select(KeyOf));
    }

    public PackageName Package { get; }
    public IReadOnlyList<TargetWishes> Targets { get; }
    public int Depth { get; }

    /// <summary>The same for wishes that lead to the same versions.</summary>
    public string Key { get; }

    private static string KeyOf(TargetWishes on)
    {
        var wishes = on.Wishes
            .Select(w => $"{(w.ByName ? "*" : "")}{(w.AllVersions ? "+" : "")}{w.Specifier}")
            .Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);
        return $"{on.Target}|{on.Limit}|{string.Join('|', wishes)}";
    }
}
