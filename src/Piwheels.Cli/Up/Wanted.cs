using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Cli.Up;

/// <summary>What a user asked for: names with specifiers, and files of them, as selection entries.</summary>
internal static class Wanted
{
    /// <summary>Everything asked for; a constraint (<c>-c</c>) limits what is asked for by name.</summary>
    /// <exception cref="CommandFault">A line is no requirement; says which.</exception>
    public static IReadOnlyList<Requirement> Read(IReadOnlyList<string> names, IReadOnlyList<string> files)
    {
        var wanted = names.Select(ReadOne).ToList();
        var constraints = new List<Requirement>();
        foreach (var path in files)
        {
            if (!RequirementsFile.TryRead(path, out var file, out var problem)) throw new CommandFault(problem);
            wanted.AddRange(file.Requirements.Select(line => line.Requirement));
            constraints.AddRange(file.Constraints.Select(line => line.Requirement));
        }

        var packages = wanted.Select(requirement => requirement.Package).ToHashSet();
        wanted.AddRange(constraints.Where(constraint => packages.Contains(constraint.Package)));
        return wanted.FirstOrDefault(requirement => requirement.Url is not null) is { } byUrl
            ? throw new CommandFault($"'{byUrl}' names a URL, but a farm builds what its index has")
            : wanted;
    }

    /// <summary>The same as entries of a selection, less what does not apply to a target.</summary>
    public static IReadOnlyList<SelectionEntry> For(IEnumerable<Requirement> wanted, Target target)
    {
        var environment = MarkerEnvironment.ForTarget(target)
            ?? throw new CommandFault($"do not know how to build for {target}");
        return
        [
            .. wanted.Where(requirement => requirement.AppliesTo(environment))
                .GroupBy(requirement => requirement.Package)
                .Select(group => new SelectionEntry(
                    group.Key, Combined(group), Requested: true, SelectionState.New, Version: null, Message: "")),
        ];
    }

    private static Requirement ReadOne(string text) =>
        Requirement.TryParse(text, out var requirement, out var problem)
            ? requirement
            : throw new CommandFault($"'{text}' is not a requirement, which reads like 'name' or 'name>=1.2': {problem}");

    // Asked for more than once: all of it must hold
    private static string Combined(IGrouping<PackageName, Requirement> group)
    {
        var extras = group.SelectMany(each => each.Extras).Distinct().Order(StringComparer.Ordinal).ToList();
        var specifiers = group.Select(each => each.Specifier.ToString()).Where(text => text.Length > 0).Distinct();
        var name = extras.Count == 0 ? group.Key.Value : $"{group.Key}[{string.Join(',', extras)}]";
        return name + string.Join(',', specifiers);
    }
}
