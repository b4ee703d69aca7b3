using System.Text.Json;
using System.Text.Json.Serialization;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Cli.Follow;

/// <summary>What is followed, as a list for people or for programs.</summary>
internal sealed class FollowList(Selection selection, SelectionStatus status)
{
    private const int DependantsShownMax = 4;

    private readonly IReadOnlyList<SelectionProgress> _packages =
        [.. status.Packages.OrderBy(progress => progress.Package)];

    private readonly IReadOnlyList<Target> _targets =
        [.. status.Packages.SelectMany(p => p.Releases).SelectMany(r => r.Targets).Select(t => t.Target).Distinct()];

    /// <summary>A line for each version of each package, with a column for each target.</summary>
    public void WriteText(TextWriter output)
    {
        if (_packages.Count == 0) output.WriteLine("Nothing is followed; 'piw follow add REQUIREMENT' adds something.");
        else WriteTable(output);
        foreach (var constraint in selection.Constraints)
            output.WriteLine($"limited: {constraint.Requirement} ({NameOf(constraint.Origin)})");
        var settled = status.Settled ? "everything is built" : "there is something left to do";
        var asked = selection.Requests.Select(request => request.Package).Distinct().Count();
        if (_packages.Count > 0)
            output.WriteLine($"{_packages.Count} packages, {asked} of them asked for by name; {settled}.");
    }

    /// <summary>The whole of it.</summary>
    public void WriteJson(TextWriter output) => output.WriteLine(JsonSerializer.Serialize(
        new ListDocument(
            status.Settled,
            [.. selection.Constraints.Select(c => new LimitDocument(c.Package.Value, c.Requirement, NameOf(c.Origin)))],
            [.. _packages.Select(DocumentOf)]),
        ListContext.Default.ListDocument));

    private void WriteTable(TextWriter output)
    {
        var rows = new List<IReadOnlyList<string>>
        {
            (string[])["PACKAGE", "VERSION", .. _targets.Select(target => $"{target.Abi} {target.Platform}"), "WANTED"],
        };
        foreach (var progress in _packages) rows.AddRange(RowsOf(progress));
        var widths = Enumerable.Range(0, rows[0].Count).Select(column => rows.Max(row => row[column].Length)).ToList();
        foreach (var row in rows)
            output.WriteLine(string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
    }

    private IEnumerable<IReadOnlyList<string>> RowsOf(SelectionProgress progress)
    {
        var first = true;
        foreach (var release in progress.Releases.OrderBy(r => OrderOf(r.Version)))
        {
            var states = _targets.Select(target => StateOn(release, target));
            yield return [first ? progress.Package.Value : "", release.Version, .. states, first ? WantedBy(progress) : ""];
            first = false;
        }

        var why = progress.State switch
        {
            SelectionState.New => "to be looked up",
            SelectionState.Elsewhere => $"not here: {progress.Message}",
            _ when progress.Message.Length > 0 => $"cannot be had: {progress.Message}",
            _ => "",
        };
        if (why.Length == 0 && !first) yield break;
        var wanted = first ? $"{WantedBy(progress)}; {why}" : why;
        yield return
            [first ? progress.Package.Value : "", first ? "-" : "", .. _targets.Select(_ => first ? "-" : ""), wanted];
    }

    private string WantedBy(SelectionProgress progress)
    {
        var asked = RequestsFor(progress.Package)
            .Select(r => $"{r.Requirement}{(r.AllVersions ? ", all versions" : "")} ({NameOf(r.Origin)})").ToList();
        var needed = FollowChange.NeededBy(selection, progress.Package)
            .Select(need => need.Package.Value).Distinct(StringComparer.Ordinal).ToList();
        if (needed.Count > 0)
        {
            var more = needed.Count > DependantsShownMax ? $" and {needed.Count - DependantsShownMax} more" : "";
            asked.Add($"needed by {string.Join(", ", needed.Take(DependantsShownMax))}{more}");
        }

        return string.Join("; ", asked);
    }

    private IEnumerable<SelectionRequest> RequestsFor(PackageName package) =>
        selection.Requests.Where(request => request.Package == package);

    private PackageDocument DocumentOf(SelectionProgress progress) => new(
        progress.Package.Value,
        JsonNamingPolicy.SnakeCaseLower.ConvertName($"{progress.State}"),
        progress.Message,
        [.. RequestsFor(progress.Package).Select(r => new AskedDocument(r.Requirement, NameOf(r.Origin), r.AllVersions))],
        [
            .. FollowChange.NeededBy(selection, progress.Package)
                .Select(need => new NeededDocument(need.Package.Value, need.Requirement)),
        ],
        [
            .. progress.Releases.OrderBy(r => OrderOf(r.Version)).Select(r => new VersionDocument(
                r.Version,
                [
                    .. r.Targets.Select(t => new TargetDocument(
                        t.Target.Abi, t.Target.Platform, WordOf(t.State), t.BuildId)),
                ])),
        ]);

    private static string StateOn(ReleaseProgress release, Target target) =>
        release.Targets.FirstOrDefault(each => each.Target == target) is { } found ? WordOf(found.State) : "-";

    private static string WordOf(TargetState state) => state switch
    {
        TargetState.Success => "built",
        TargetState.Fail => "failed",
        TargetState.Skip => "skipped",
        TargetState.Pending => "waiting",
        _ => "lost",
    };

    private static string NameOf(SelectionOrigin origin) => origin == SelectionOrigin.Up ? "up" : "follow";

    // Versions that are none by PEP 440 cannot be chosen; should one be there, it comes first
    private static PackageVersion? OrderOf(string version) =>
        PackageVersion.TryParse(version, out var parsed) ? parsed : null;
}

/// <summary>What `piw follow list --json` writes.</summary>
internal sealed record ListDocument(
    bool Settled, IReadOnlyList<LimitDocument> Constraints, IReadOnlyList<PackageDocument> Packages);

internal sealed record LimitDocument(string Package, string Requirement, string AskedBy);

/// <param name="State">new, resolved, unknown, unmatched or elsewhere.</param>
internal sealed record PackageDocument(
    string Package,
    string State,
    string Message,
    IReadOnlyList<AskedDocument> Requests,
    IReadOnlyList<NeededDocument> NeededBy,
    IReadOnlyList<VersionDocument> Versions);

internal sealed record AskedDocument(string Requirement, string AskedBy, bool AllVersions);

internal sealed record NeededDocument(string Package, string Requirement);

internal sealed record VersionDocument(string Version, IReadOnlyList<TargetDocument> Targets);

/// <param name="State">built, failed, skipped, waiting or lost.</param>
internal sealed record TargetDocument(string Abi, string Platform, string State, long? BuildId);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(ListDocument))]
internal sealed partial class ListContext : JsonSerializerContext;
