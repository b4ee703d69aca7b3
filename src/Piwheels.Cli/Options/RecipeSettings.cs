using Piwheels.Core.Recipes;

namespace Piwheels.Cli.Options;

/// <summary>The folder of recipes, as `piw master`, `piw up` and `piw recipe` take it.</summary>
internal static class RecipeSettings
{
    public const string Option = "--recipes";

    public static Setting<string> Folder() =>
        Settings.Text(Option[2..], "The folder with recipes: how packages are built that need something special", "");

    /// <summary>The whole path; empty where there is none.</summary>
    public static string FolderIn(this Setting<string> setting, SettingsSource source) =>
        setting.In(source) is { Length: > 0 } folder ? Path.GetFullPath(folder) : "";

    /// <summary>The option that gives the folder to another process.</summary>
    public static IEnumerable<string> Arguments(string folder) => folder.Length > 0 ? [Option, folder] : [];

    /// <summary>Reads a folder.</summary>
    /// <exception cref="CommandFault">It has something that is no recipe.</exception>
    public static RecipeBook Read(string folder)
    {
        try
        {
            return folder.Length > 0 ? RecipeFolder.Read(folder) : RecipeBook.Empty;
        }
        catch (RecipeException fault)
        {
            throw new CommandFault($"recipes: {fault.Message}", CommandFault.Failed, fault);
        }
    }
}
