using Piwheels.Core.Database;

namespace Piwheels.Pages;

/// <summary>A package's page. Texts are as they came from outside; the template escapes them.</summary>
/// <param name="Name">The canonical name.</param>
/// <param name="Skip">Why it is not built; empty when it is.</param>
/// <param name="Newest">The release that an installer would take; null when there is no wheel of any.</param>
/// <param name="Targets">The columns of the table of releases.</param>
/// <param name="Releases">Newest first.</param>
public sealed record ProjectPage(
    Site Site,
    string Name,
    string DisplayName,
    string Description,
    string Skip,
    NewestRelease? Newest,
    IReadOnlyList<TargetColumn> Targets,
    IReadOnlyList<ReleaseRow> Releases)
{
    private const int RecentMax = 20;
    private const int FoldedMax = 100;

    /// <summary>What the operator says of how it is built; empty where that is as any other.</summary>
    public IReadOnlyList<RecipeNote> Recipes { get; init; } = [];

    public string Path => $"/project/{Name}/";

    /// <summary>The releases that show at once.</summary>
    public ReleaseTable Recent => new(this, Releases.Take(RecentCount).ToList());

    /// <summary>Those before, folded away by the hundred, so that a browser lays out what is wanted alone.</summary>
    public IEnumerable<ReleaseTable> Older =>
        Releases.Skip(RecentCount).Chunk(FoldedMax).Select(releases => new ReleaseTable(this, releases));

    /// <summary>How many releases upstream has wheels of that do here.</summary>
    public int UpstreamReleases => Releases.Count(
        release => release.States.Any(cell => cell?.State is TargetState.Upstream or TargetState.Linked));

    /// <summary>A release that is newer than what an installer gets here; null where there is none.</summary>
    public string? Unbuilt =>
        Releases.FirstOrDefault(release => !release.Prerelease && !release.Yanked) is { } latest &&
        Newest is not null && latest.Files.Count == 0 && latest.Version != Newest.Version
            ? latest.Version
            : null;

    // Some more than that are not worth folding
    private int RecentCount => Releases.Count <= RecentMax + (RecentMax / 4) ? Releases.Count : RecentMax;

    /// <summary>The package's page on the index that it comes from.</summary>
    public string UpstreamUrl => $"{Site.IndexUrl}/project/{Name}/";

    /// <summary>What to type, with the address of this site's index where it is known.</summary>
    public string InstallCommand => Site.Url.Length == 0
        ? $"pip install {Name}"
        : $"pip install --prefer-binary --extra-index-url {Site.Url}/simple/ {Name}";
}

/// <summary>Some releases of a package, newest first.</summary>
public sealed record ReleaseTable(ProjectPage Page, IReadOnlyList<ReleaseRow> Releases)
{
    /// <summary>Whether the release's files show without being asked for.</summary>
    public bool IsOpen(ReleaseRow release) => release.Version == Page.Newest?.Version;
}

/// <summary>What the newest good release needs.</summary>
public sealed record NewestRelease(
    string Version,
    DateTimeOffset Released,
    string? RequiresPython,
    IReadOnlyList<string> AptPackages,
    IReadOnlyList<DependencyLink> Dependencies);

/// <summary>A package that another one needs.</summary>
/// <param name="Path">Its own page; null where the text is no name.</param>
public sealed record DependencyLink(string Text, string? Path);

/// <summary>What a recipe says.</summary>
/// <param name="About">The releases and targets that it is about.</param>
/// <param name="Settings">A line each.</param>
public sealed record RecipeNote(string About, IReadOnlyList<string> Settings);

public sealed record TargetColumn(string AbiName, string Abi, string Platform);

/// <summary>
/// One release with its state per target, in the order of the page's columns; null where there is none.
/// </summary>
public sealed record ReleaseRow(
    string Version,
    DateTimeOffset Released,
    bool Prerelease,
    bool Yanked,
    string Skip,
    IReadOnlyList<StateCell?> States,
    IReadOnlyList<FileRow> Files)
{
    /// <summary>Why it is not given to a slave now, where it waits; each reason once.</summary>
    public IReadOnlyList<string> Held { get; init; } = [];
}

/// <summary>How a release stands on one target.</summary>
/// <param name="LogPath">The log of the build that led to it; null when there is none.</param>
public sealed record StateCell(TargetState State, string? LogPath)
{
    /// <summary>Why it failed, in some words; null where nobody said.</summary>
    public string? Reason { get; init; }

    /// <summary>The line of the log that says so.</summary>
    public string? Evidence { get; init; }

    /// <summary>When it is tried again; null where it does not wait for that.</summary>
    public DateTimeOffset? RetryAt { get; init; }

    /// <summary>The state in a word.</summary>
    public string Word => State switch
    {
        TargetState.Success => "Built",
        TargetState.Fail => "Failed",
        TargetState.Skip => "Skipped",
        TargetState.Pending => "Waiting",
        TargetState.Upstream => "Upstream has it",
        TargetState.Linked => "Linked",
        _ => "No files",
    };

    /// <summary>Its class in the style sheet.</summary>
    public string Style => State switch
    {
        TargetState.Success => "state built",
        TargetState.Fail => "state failed",
        TargetState.Skip => "state skipped",
        TargetState.Pending => "state waiting",
        TargetState.Upstream or TargetState.Linked => "state upstream",
        _ => "state error",
    };
}

/// <summary>One wheel on a package's page.</summary>
/// <param name="Url">Where it lies, as the simple index says it too.</param>
/// <param name="Size">Null where upstream does not tell it.</param>
/// <param name="BuiltAt">Null for a file of upstream's.</param>
public sealed record FileRow(string Filename, string Url, string Hash, long? Size, DateTimeOffset? BuiltAt)
{
    /// <summary>Its size and where it is from, in words.</summary>
    public string Note =>
        (Size is { } size ? Figures.Size(size) + ", " : "")
        + (BuiltAt is { } built ? "built " + Figures.Day(built) : "upstream's own");
}
