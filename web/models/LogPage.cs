using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;

namespace Piwheels.Pages;

/// <summary>A build's log, for people. Its texts are what a build printed: nothing of them is to be believed.</summary>
/// <param name="Build">The build's number.</param>
/// <param name="RawPath">Where the log is as it was written.</param>
/// <param name="Failure">Why the build failed, as the log's end says; null where it says nothing.</param>
/// <param name="LastLines">The last lines; empty where the log is short enough to be seen as a whole.</param>
/// <param name="Beginning">The log, or its beginning where it is too long to be shown.</param>
/// <param name="LeftOut">Bytes between that and the end that are not shown.</param>
/// <param name="End">The end, after what is left out; empty where nothing is.</param>
/// <param name="Notices">What is to be said of the log itself, in sentences.</param>
public sealed record LogPage(
    Site Site,
    long Build,
    string RawPath,
    BuildFailure? Failure,
    string LastLines,
    string Beginning,
    long LeftOut,
    string End,
    IReadOnlyList<string> Notices)
{
    /// <summary>What it is the log of; null where the file does not say.</summary>
    public PackageName? Package { get; init; }
}
