using Piwheels.Core.Packaging;

namespace Piwheels.Pages;

/// <summary>A build that runs, or has just ended. Its text is what it printed: nothing of it is to be believed.</summary>
/// <param name="Status">How it stands, in a sentence.</param>
/// <param name="Text">What it has printed, as far as it is kept.</param>
/// <param name="From">Where what follows begins; null where nothing does.</param>
/// <param name="LogPath">Its finished log; null where there is none.</param>
public sealed record LivePage(
    Site Site, Release Release, Target Target, string Status, string Text, long? From, string? LogPath)
{
    /// <summary>The page itself.</summary>
    public string Path => PathOf(Release, Target);

    /// <summary>Where a build's page is while it runs.</summary>
    public static string PathOf(Release release, Target target) =>
        "/live/" + string.Join('/', new[] { release.Package.Value, release.Version, target.Abi, target.Platform }.Select(Uri.EscapeDataString));
}

/// <summary>What is being built.</summary>
/// <param name="Count">How many builds run; more than the list may have.</param>
/// <param name="Builds">The newest first.</param>
public sealed record LiveListPage(Site Site, long Count, IReadOnlyList<LiveRow> Builds);

/// <summary>A build that runs.</summary>
/// <param name="Label">Its slave's.</param>
/// <param name="CanFollow">Whether its slave tells what it prints.</param>
public sealed record LiveRow(Release Release, Target Target, string Label, DateTimeOffset Since, bool CanFollow);
