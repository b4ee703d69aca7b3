using Piwheels.Core.Packaging;

namespace Piwheels.Core.Database;

/// <summary>
/// What a run of the index's events comes to, worked out without knowing what the database holds: where that matters
/// both outcomes are told. It takes effect in the order of the properties.
/// </summary>
/// <param name="From">The serial of the last event before them.</param>
/// <param name="To">
/// The highest serial up to the last of them. Where that is <paramref name="From"/>, nothing tells whether they have
/// taken effect, and asked again they do so once more.
/// </param>
/// <param name="Gone">Packages that were removed; what came after that is in the other two.</param>
/// <param name="Names">Spellings that were seen. Each brings its package where that is unknown, or marked as deleted.</param>
/// <param name="Releases">Each release at most once.</param>
public sealed record IndexChanges(
    long From,
    long To,
    IReadOnlyList<PackageName> Gone,
    IReadOnlyList<SeenName> Names,
    IReadOnlyList<ReleaseChange> Releases);

/// <summary>A spelling of a package's name.</summary>
/// <param name="Seen">When, at the latest.</param>
/// <param name="UnlessKnown">
/// The version that it came with: it counts only where that is unknown. Null when it counts anyway.
/// </param>
public sealed record SeenName(PackageName Package, string Name, DateTimeOffset Seen, string? UnlessKnown = null);

/// <summary>What became of a release.</summary>
/// <param name="Gone">It was removed, and the rest is what came after that.</param>
/// <param name="Released">When its first file came; null when none did.</param>
/// <param name="Source">Whether one of these files is a source file.</param>
/// <param name="YankedNew">Whether it is yanked in the end, where the first of these files made it known.</param>
/// <param name="YankedKnown">Whether it is yanked in the end, where it was known; null when it stays as it is.</param>
public sealed record ReleaseChange(
    Release Release,
    bool Gone = false,
    DateTimeOffset? Released = null,
    bool Source = false,
    bool YankedNew = false,
    bool? YankedKnown = null);

/// <summary>What of something that is to be removed is known.</summary>
public sealed record KnownRemovals(IReadOnlyList<PackageName> Packages, IReadOnlyList<Release> Releases);
