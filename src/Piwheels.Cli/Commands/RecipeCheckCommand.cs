using System.CommandLine;
using Piwheels.Cli.Options;

namespace Piwheels.Cli.Commands;

/// <summary>`piw recipe check`: whether a master would take a folder of recipes.</summary>
internal sealed class RecipeCheckCommand : PiwCommand
{
    private readonly Argument<string?> _folder = new("FOLDER")
    {
        Description = "The folder, if not that of --recipes",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Setting<string> _recipes;

    public RecipeCheckCommand()
        : base("check", RecipeCommand.Name, "Reads a folder of recipes as a master does, and says what is wrong with it")
    {
        Command.Add(_folder);
        _recipes = Add(RecipeSettings.Folder());
    }

    protected override Task<int> RunAsync(CommandContext context)
    {
        var folder = context.Parsed.GetValue(_folder) ?? _recipes.FolderIn(context.Source);
        if (folder.Length == 0)
            throw new CommandFault($"name the folder, or set {RecipeSettings.Option}", CommandFault.WrongUsage);
        var book = RecipeSettings.Read(folder);
        var files = book.Sections.Select(static section => section.File).Distinct(StringComparer.Ordinal).Count();
        Console.WriteLine($"{book.Sections.Count} recipes in {files} files, nothing is wrong with them.");
        return Task.FromResult(0);
    }
}
