using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Storage;

/// <summary>The JSON of get_selection.</summary>
internal sealed record SelectionDocument(
    long Revision,
    IReadOnlyList<RequestDocument> Requests,
    IReadOnlyList<RequestDocument> Constraints,
    IReadOnlyList<EntryDocument> Packages)
{
    public Selection ToSelection() => new(
        Revision,
        [
            .. Requests.Select(r => new SelectionRequest(
                ReadOrigin(r.Origin), PackageName.Parse(r.Package), r.Requirement, r.AllVersions)),
        ],
        [
            .. Constraints.Select(c => new SelectionConstraint(
                ReadOrigin(c.Origin), PackageName.Parse(c.Package), c.Requirement)),
        ],
        [.. Packages.Select(p => p.ToEntry())]);

    public static string WriteOrigin(SelectionOrigin origin) => origin switch
    {
        SelectionOrigin.Up => "UP",
        SelectionOrigin.Follow => "FOLLOW",
        _ => throw new ArgumentOutOfRangeException(nameof(origin)),
    };

    public static string WriteState(SelectionState state) => state switch
    {
        SelectionState.New => "NEW",
        SelectionState.Resolved => "RESOLVED",
        SelectionState.Unknown => "UNKNOWN",
        SelectionState.Unmatched => "UNMATCHED",
        SelectionState.Elsewhere => "ELSEWHERE",
        _ => throw new ArgumentOutOfRangeException(nameof(state)),
    };

    public static SelectionState ReadState(string text) => text switch
    {
        "NEW" => SelectionState.New,
        "RESOLVED" => SelectionState.Resolved,
        "UNKNOWN" => SelectionState.Unknown,
        "UNMATCHED" => SelectionState.Unmatched,
        "ELSEWHERE" => SelectionState.Elsewhere,
        _ => throw new InvalidDataException($"selection.state '{text}'"),
    };

    private static SelectionOrigin ReadOrigin(string text) => text switch
    {
        "UP" => SelectionOrigin.Up,
        "FOLLOW" => SelectionOrigin.Follow,
        _ => throw new InvalidDataException($"selection_requests.origin '{text}'"),
    };
}

/// <summary>A request or a constraint in the JSON of get_selection.</summary>
internal sealed record RequestDocument(string Origin, string Package, string Requirement, bool AllVersions = false);

/// <summary>A package that is followed in the JSON of get_selection; versions have the very names of the record.</summary>
internal sealed record EntryDocument(
    string Package,
    string State,
    string Message,
    IReadOnlyList<SelectionVersion> Versions,
    IReadOnlyList<NeedDocument> Needs)
{
    public SelectionEntry ToEntry() => new(
        PackageName.Parse(Package),
        SelectionDocument.ReadState(State),
        Message,
        Versions,
        [.. Needs.Select(n => new SelectionNeed(PackageName.Parse(n.Package), n.Requirement))]);
}

/// <summary>What a package needs in the JSON of get_selection.</summary>
internal sealed record NeedDocument(string Package, string Requirement);

/// <summary>The JSON of get_selection_status.</summary>
internal sealed record StatusDocument(bool Settled, IReadOnlyList<ProgressDocument> Packages)
{
    public SelectionStatus ToStatus() => new(
        Settled,
        [
            .. Packages.Select(p => new SelectionProgress(
                PackageName.Parse(p.Package),
                SelectionDocument.ReadState(p.State),
                p.Message,
                [.. p.Releases.Select(r => new ReleaseProgress(r.Version, [.. r.Targets.Select(t => t.ToTarget())]))])),
        ]);
}

/// <summary>A package in the JSON of get_selection_status.</summary>
internal sealed record ProgressDocument(
    string Package, string State, string Message, IReadOnlyList<ReleaseDocument> Releases);

/// <summary>A chosen version in the JSON of get_selection_status.</summary>
internal sealed record ReleaseDocument(string Version, IReadOnlyList<TargetDocument> Targets);
