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
                Database.Member<SelectionOrigin>("selection_requests.origin", r.Origin), PackageName.Parse(r.Package), r.Requirement, r.AllVersions)),
        ],
        [
            .. Constraints.Select(c => new SelectionConstraint(
                Database.Member<SelectionOrigin>("selection_constraints.origin", c.Origin), PackageName.Parse(c.Package), c.Requirement)),
        ],
        [.. Packages.Select(p => p.ToEntry())]);
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
        Database.Member<SelectionState>("selection.state", State),
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
                Database.Member<SelectionState>("selection.state", p.State),
                p.Message,
                [.. p.Releases.Select(r => new ReleaseProgress(r.Version, [.. r.Targets.Select(t => t.ToTarget())]))])),
        ]);
}

/// <summary>A package in the JSON of get_selection_status.</summary>
internal sealed record ProgressDocument(
    string Package, string State, string Message, IReadOnlyList<ReleaseDocument> Releases);

/// <summary>A chosen version in the JSON of get_selection_status.</summary>
internal sealed record ReleaseDocument(string Version, IReadOnlyList<TargetDocument> Targets);
