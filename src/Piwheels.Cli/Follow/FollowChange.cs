using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Cli.Follow;

/// <summary>Says in words what a change of what is followed has done.</summary>
internal static class FollowChange
{
    /// <summary>After something was added, by what was there before.</summary>
    public static IEnumerable<string> Added(Selection before, SelectionWish wish)
    {
        var all = wish.AllVersions ? ", all versions that match" : "";
        foreach (var group in wish.Requirements.GroupBy(requirement => requirement.Package))
        {
            var now = Joined(group.Select(requirement => requirement.ToString()));
            var then = before.Requests
                .Where(r => r.Origin == SelectionOrigin.Follow && r.Package == group.Key).ToList();
            var thenText = Joined(then.Select(r => r.Requirement));
            if (then.Count == 0) yield return $"Follows {now}{all}.";
            else if (thenText != now || then[0].AllVersions != wish.AllVersions)
                yield return $"Follows {now}{all}; before: {thenText}{(then[0].AllVersions ? ", all versions" : "")}.";
        }

        foreach (var group in wish.Constraints.GroupBy(constraint => constraint.Package))
            yield return $"Limits {Joined(group.Select(constraint => constraint.ToString()))}.";
    }

    /// <summary>Why packages cannot be removed; null when they can.</summary>
    public static string? WhyNotRemoved(Selection selection, IReadOnlyList<PackageName> names)
    {
        foreach (var name in names)
        {
            if (selection.Requests.Any(request => request.Package == name)) continue;
            var needed = NeededBy(selection, name);
            return needed.Count > 0
                ? $"nobody asked for {name}: it is followed since {NeedsIt(needed)}"
                : $"{name} is not followed; 'piw follow list' shows what is";
        }

        return null;
    }

    /// <summary>After packages were removed.</summary>
    public static IEnumerable<string> Removed(Selection before, Selection after, IReadOnlyList<PackageName> names)
    {
        foreach (var name in names)
        {
            var needed = NeededBy(after, name);
            yield return needed.Count > 0
                ? $"Asks for {name} no more; it stays, since {NeedsIt(needed)}."
                : $"Follows {name} no more.";
        }

        var left = before.Entries.Select(entry => entry.Package)
            .Except(after.Entries.Select(entry => entry.Package)).Except(names).ToList();
        if (left.Count > 0) yield return $"Nor, since nothing else needs it: {string.Join(", ", left)}.";
        var ups = before.Requests.Where(r => r.Origin == SelectionOrigin.Up && names.Contains(r.Package))
            .Select(r => r.Package).Distinct().ToList();
        if (ups.Count > 0)
        {
            yield return $"'piw up' was started with {string.Join(", ", ups)}: "
                + "started with the same again, it asks for that again.";
        }

        yield return "What has been built stays.";
    }

    /// <summary>After constraints were removed.</summary>
    public static IEnumerable<string> Unlimited(Selection before, IReadOnlyList<PackageName> names) => names.Select(
        name => $"Limits {Joined(before.Constraints.Where(c => c.Package == name).Select(c => c.Requirement))} no more.");

    /// <summary>Who needs a package, in which words.</summary>
    public static IReadOnlyList<(PackageName Package, string Requirement)> NeededBy(
        Selection selection, PackageName package) =>
    [
        .. selection.Entries.SelectMany(entry => entry.Needs.Where(need => need.Package == package)
            .Select(need => (entry.Package, need.Requirement))),
    ];

    private static string NeedsIt(IReadOnlyList<(PackageName Package, string Requirement)> needed)
    {
        const int ShownMax = 5;
        var shown = needed.Take(ShownMax).Select(need => $"{need.Package} needs {need.Requirement}");
        return string.Join(", ", shown) + (needed.Count > ShownMax ? $", and {needed.Count - ShownMax} more do" : "");
    }

    private static string Joined(IEnumerable<string> texts) =>
        string.Join(" and ", texts.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
}
