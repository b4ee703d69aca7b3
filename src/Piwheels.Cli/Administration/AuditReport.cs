using System.Globalization;
using Piwheels.Core.Packaging;
using Piwheels.Storage;

namespace Piwheels.Cli.Administration;

/// <summary>What an audit of the build queue found, as lines for people: a heading for each target, then what is wrong.</summary>
internal static class AuditReport
{
    /// <param name="limit">The most differences to list for each target.</param>
    public static IEnumerable<string> Of(QueueAudit audit, int limit)
    {
        var differences = audit.Differences.ToLookup(difference => difference.Target);
        foreach (var length in audit.Lengths.Where(length => length.Target is not null).OrderBy(Order, StringComparer.Ordinal))
        {
            foreach (var line in OfTarget(length, [.. differences[length.Target!.Value]], limit)) yield return line;
        }

        foreach (var stray in audit.Lengths.Where(length => length.Target is null))
            yield return Text($"a target that is gone: {stray.Counted:N0} releases are counted for it");
        yield return audit.IsClean
            ? "The queue is right."
            : $"The queue is wrong in {Count(audit.Differences.Count, "row")} and {Count(WrongLengths(audit), "length")}.";
    }

    /// <param name="limit">The most differences to list.</param>
    public static QueueListing ForPrograms(QueueAudit audit, int limit) => new(
        audit.IsClean,
        [
            .. audit.Lengths.Select(static length => new QueueLengthListing(
                length.Target?.Abi, length.Target?.Platform, length.Kept, length.Counted)),
        ],
        [
            .. audit.Differences.Take(limit).Select(static difference => new QueueDifferenceListing(
                difference.Release.Package.Value, difference.Release.Version, difference.Target.Abi,
                difference.Target.Platform, Kind(difference).TrimEnd())),
        ]);

    /// <param name="rows">Rows that were wrong.</param>
    /// <param name="repaired">The releases that these belong to.</param>
    /// <param name="gone">Releases that had come right since the audit.</param>
    /// <param name="lengths">Counts that were wrong.</param>
    public static IEnumerable<string> OfRepair(long rows, int repaired, int gone, long lengths)
    {
        yield return $"Repaired {Count(rows, "row")} of {Count(repaired, "release")}, and {Count(lengths, "length")}.";
        if (gone > 0) yield return $"{Count(gone, "release")} had come right meanwhile.";
    }

    private static string Order(QueueLength length) => $"{length.Target!.Value.Platform} {length.Target.Value.Abi}";

    private static int WrongLengths(QueueAudit audit) => audit.Lengths.Count(length => !length.IsRight);

    private static IEnumerable<string> OfTarget(QueueLength length, IReadOnlyList<QueueDifference> differences, int limit)
    {
        var missing = differences.Count(difference => difference.Kept is null);
        var extra = differences.Count(difference => difference.Due is null);
        yield return differences.Count == 0
            ? Text($"{length.Target}: {length.Kept:N0} wait")
            : Text($"{length.Target}: {length.Kept:N0} wait; ")
                + Text($"{missing:N0} missing, {extra:N0} extra, {differences.Count - missing - extra:N0} out of date");
        if (!length.IsRight) yield return Text($"  counted      as {length.Counted:N0}");
        var shown = differences.OrderBy(difference => difference.Release.Package)
            .ThenBy(difference => difference.Release.Version, StringComparer.Ordinal).Take(limit);
        foreach (var difference in shown) yield return $"  {Kind(difference)}  {difference.Release}{Detail(difference)}";
        if (differences.Count > limit) yield return Text($"  and {differences.Count - limit:N0} more");
    }

    private static string Kind(QueueDifference difference) => difference switch
    {
        { Kept: null } => "missing    ",
        { Due: null } => "extra      ",
        _ => "out of date",
    };

    private static string Detail(QueueDifference difference)
    {
        if (difference is not { Kept: { } kept, Due: { } due }) return "";
        var priority = kept.Priority == due.Priority ? "" : $" priority {kept.Priority} instead of {due.Priority}";
        var released = kept.Released == due.Released ? "" : Text($" released {kept.Released:u} instead of {due.Released:u}");
        return $":{priority}{released}";
    }

    private static string Count(long amount, string noun) => Text($"{amount:N0} {noun}{(amount == 1 ? "" : "s")}");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
