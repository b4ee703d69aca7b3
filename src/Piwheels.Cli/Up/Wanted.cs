using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Cli.Up;

/// <summary>What a user asks for: names with specifiers, and files of them.</summary>
internal static class Wanted
{
    /// <summary>Everything asked for, and what limits its versions.</summary>
    /// <param name="constraints">Files of constraints, besides those that the files of requirements name.</param>
    /// <param name="limits">Constraints themselves.</param>
    /// <exception cref="CommandFault">A line is no requirement, or none for an index; says which.</exception>
    public static SelectionWish Read(
        IReadOnlyList<string> names,
        IReadOnlyList<string> files,
        IReadOnlyList<string> constraints,
        IReadOnlyList<string> limits,
        bool allVersions = false)
    {
        var wanted = names.Select(name => Checked(ReadOne(name), $"'{name}'")).ToList();
        var limiting = limits.Select(ReadOne).ToList();
        foreach (var path in files)
        {
            var file = ReadFile(path);
            wanted.AddRange(file.Requirements.Select(Checked));
            limiting.AddRange(file.Constraints.Select(CheckedLimit));
        }

        foreach (var path in constraints)
        {
            var file = ReadFile(path);
            limiting.AddRange(file.Requirements.Concat(file.Constraints).Select(CheckedLimit));
        }

        return new SelectionWish(wanted, limiting, allVersions);
    }

    /// <summary>What applies to a target, by its names.</summary>
    public static IReadOnlyList<PackageName> NamesFor(SelectionWish wanted, Target target)
    {
        var environment = MarkerEnvironment.ForTarget(target)
            ?? throw new CommandFault($"do not know how to build for {target}");
        return
        [
            .. wanted.Requirements.Where(requirement => requirement.AppliesTo(environment))
                .Select(requirement => requirement.Package).Distinct(),
        ];
    }

    private static Requirement ReadOne(string text) =>
        Requirement.TryParse(text, out var requirement, out var problem)
            ? requirement
            : throw new CommandFault($"'{text}' is not a requirement, which reads like 'name' or 'name>=1.2': {problem}");

    private static RequirementsFile ReadFile(string path) =>
        RequirementsFile.TryRead(path, out var file, out var problem) ? file : throw new CommandFault(problem);

    private static Requirement Checked(RequirementLine line) =>
        Checked(line.Requirement, $"{line.File}:{line.Line}: '{line.Requirement}'");

    private static Requirement CheckedLimit(RequirementLine line) =>
        line.Requirement.Extras.Count == 0
            ? Checked(line)
            : throw new CommandFault($"{line.File}:{line.Line}: '{line.Requirement}': a constraint has no extras");

    private static Requirement Checked(Requirement requirement, string what)
    {
        if (requirement.Url is not null)
            throw new CommandFault($"{what} names a URL, but a farm builds what its index has");
        return System.Text.Encoding.UTF8.GetByteCount(requirement.ToString()) <= SelectionRequest.TextBytesMax
            ? requirement
            : throw new CommandFault($"{Excerpt.Of(what)} is longer than {SelectionRequest.TextBytesMax} bytes");
    }
}
