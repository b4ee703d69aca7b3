using System.CommandLine;
using Piwheels.Cli.Options;
using Piwheels.Core.Packaging;

namespace Piwheels.Cli.Commands;

/// <summary>`piw recipe show`: what recipes say of a package, or how a release is built.</summary>
internal sealed class RecipeShowCommand : PiwCommand
{
    private readonly Argument<string> _package = new("PACKAGE") { Description = "The package" };

    private readonly Argument<string?> _version = new("VERSION")
    {
        Description = "The version to be built; without it, all that is said of the package is shown",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _target = new("--target")
    {
        Description = "The target that the version is built for, like cp311-linux_armv7l",
        HelpName = "TARGET",
    };

    private readonly Setting<string> _recipes;

    public RecipeShowCommand()
        : base("show", RecipeCommand.Name, "Shows what recipes say of a package, or how a version of it is built")
    {
        Command.Add(_package);
        Command.Add(_version);
        Command.Add(_target);
        _recipes = Add(RecipeSettings.Folder());
    }

    protected override Task<int> RunAsync(CommandContext context)
    {
        var text = context.Parsed.GetRequiredValue(_package);
        if (!PackageName.TryParse(text, out var package))
            throw new CommandFault($"'{Excerpt.Of(text)}' is not a package name", CommandFault.WrongUsage);
        var folder = _recipes.FolderIn(context.Source);
        if (folder.Length == 0)
            throw new CommandFault($"name the folder by {RecipeSettings.Option}", CommandFault.WrongUsage);
        var target = TargetOf(context.Parsed.GetValue(_target));
        if (context.Parsed.GetValue(_version) is { } version) ShowRelease(folder, new Release(package, version), target);
        else if (target is not null) throw new CommandFault("--target goes with a version", CommandFault.WrongUsage);
        else ShowPackage(folder, package);
        return Task.FromResult(0);
    }

    private static void ShowPackage(string folder, PackageName package)
    {
        var sections = RecipeSettings.Read(folder).SectionsOf(package).ToList();
        if (sections.Count == 0) Console.WriteLine($"No recipe is about {package}.");
        foreach (var section in sections)
        {
            Console.WriteLine($"[{section.Selector}]  {section.File}:{section.Line}");
            foreach (var setting in section.Settings) Console.WriteLine($"{setting}");
            Console.WriteLine();
        }
    }

    private static void ShowRelease(string folder, Release release, Target? target)
    {
        // On no target in particular: what is said of some target is not said of it
        var inForce = RecipeSettings.Read(folder).Explain(release, target ?? new Target("", ""));
        if (inForce.Count == 0) Console.WriteLine($"No recipe: {release} is built as any other.");
        var width = inForce.Select(static line => $"{line.Setting}".Length).DefaultIfEmpty().Max();
        foreach (var (setting, section) in inForce)
            Console.WriteLine($"{$"{setting}".PadRight(Math.Min(width, WidthMax))}  # {section.File}:{setting.Line} [{section.Selector}]");
    }

    private const int WidthMax = 60;

    private static Target? TargetOf(string? text)
    {
        if (text is null) return null;
        return text.Split('-') is [{ Length: > 0 } abi, { Length: > 0 } platform]
            ? new Target(abi, platform)
            : throw new CommandFault($"'{Excerpt.Of(text)}' is no target, like cp311-linux_armv7l", CommandFault.WrongUsage);
    }
}
