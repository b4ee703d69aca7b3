using Piwheels.Core.Packaging;

namespace Piwheels.Core.Database;

/// <summary>What a farm follows that does not follow the whole index, at one moment.</summary>
/// <param name="Revision">Grows with each change of requests and constraints.</param>
/// <param name="Entries">All packages that are followed: those asked for by name, and what they need.</param>
public sealed record Selection(
    long Revision,
    IReadOnlyList<SelectionRequest> Requests,
    IReadOnlyList<SelectionConstraint> Constraints,
    IReadOnlyList<SelectionEntry> Entries);

/// <summary>Who asked for something.</summary>
public enum SelectionOrigin
{
    /// <summary>What <c>piw up</c> was started with; replaced when it is started with something else.</summary>
    Up,

    /// <summary>What <c>piw follow add</c> was given; stays until it is removed.</summary>
    Follow,
}

/// <summary>A package that somebody asked for by name.</summary>
/// <param name="Requirement">
/// PEP 508 text, of at most <see cref="TextBytesMax"/> bytes, e.g. <c>jinja2&gt;=3,&lt;4; python_version &gt;= "3.9"</c>.
/// </param>
/// <param name="AllVersions">Every version that matches is wanted, not the newest alone.</param>
public sealed record SelectionRequest(
    SelectionOrigin Origin, PackageName Package, string Requirement, bool AllVersions = false)
{
    /// <summary>The longest requirement that is stored, in bytes of UTF-8.</summary>
    public const int TextBytesMax = 2_000;
}

/// <summary>What limits the versions of a package, whoever asks for it.</summary>
/// <param name="Requirement">PEP 508 text without extras, e.g. <c>numpy&lt;2</c>; see SelectionRequest.</param>
public sealed record SelectionConstraint(SelectionOrigin Origin, PackageName Package, string Requirement);

/// <summary>A package that is followed, and what the follower has found out of it.</summary>
/// <param name="Message">In words: why there is no version, or where there is none; empty otherwise.</param>
/// <param name="Versions">Those chosen, in any order.</param>
/// <param name="Needs">What they require on the targets.</param>
public sealed record SelectionEntry(
    PackageName Package,
    SelectionState State,
    string Message,
    IReadOnlyList<SelectionVersion> Versions,
    IReadOnlyList<SelectionNeed> Needs)
{
    /// <summary>One of which nothing is known yet.</summary>
    public static SelectionEntry NewOf(PackageName package) => new(package, SelectionState.New, "", [], []);

    /// <summary>Whether two entries say the same, in whatever order.</summary>
    public bool SaysTheSame(SelectionEntry other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return (Package, State, Message) == (other.Package, other.State, other.Message)
            && Versions.ToHashSet().SetEquals(other.Versions)
            && Needs.ToHashSet().SetEquals(other.Needs);
    }
}

/// <summary>A version that was chosen.</summary>
/// <param name="Version">As the index spells it.</param>
/// <param name="Urgent">To be built before fresh releases and the backlog.</param>
public sealed record SelectionVersion(string Version, bool Urgent);

/// <summary>What a package requires: another one, in these words (PEP 508 without a marker).</summary>
public sealed record SelectionNeed(PackageName Package, string Requirement);

/// <summary>How far the follower has come with a selected package.</summary>
public enum SelectionState
{
    /// <summary>Not looked up yet.</summary>
    New,

    /// <summary>A version is chosen and registered.</summary>
    Resolved,

    /// <summary>The index does not know the name.</summary>
    Unknown,

    /// <summary>No version of it can be had: nothing matches, or nothing with a source file.</summary>
    Unmatched,

    /// <summary>Whoever asks for it does so for other targets than those that are built for.</summary>
    Elsewhere,
}

/// <summary>A wheel of a chosen version whose requirements the follower has not read yet.</summary>
public sealed record UnexaminedFile(long BuildId, Release Release, string Filename);

/// <summary>
/// Which names of the whole index are followed: those on one list (all, where it is empty) that are not on the other. With
/// <c>*</c> for any characters and <c>?</c> for one.
/// </summary>
public sealed record NameLists(IReadOnlyList<string> Only, IReadOnlyList<string> Never);

/// <summary>How a selection stands.</summary>
/// <param name="Settled">
/// Nothing is left to do: no entry is new, no file unexamined, nothing is to be built, and no page is owed.
/// </param>
public sealed record SelectionStatus(bool Settled, IReadOnlyList<SelectionProgress> Packages);

/// <summary>One selected package, and how its chosen versions stand on each target.</summary>
public sealed record SelectionProgress(
    PackageName Package, SelectionState State, string Message, IReadOnlyList<ReleaseProgress> Releases);

/// <summary>How a version stands on each target; none where it is not registered.</summary>
public sealed record ReleaseProgress(string Version, IReadOnlyList<ProjectTarget> Targets);
