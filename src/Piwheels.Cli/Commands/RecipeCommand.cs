using System.CommandLine;

namespace Piwheels.Cli.Commands;

/// <summary>`piw recipe`: looks at the recipes that a master builds by.</summary>
internal static class RecipeCommand
{
    public const string Name = "recipe";

    public static Command Create() => new(Name, "Checks and shows recipes: how packages are built that need something special")
    {
        new RecipeCheckCommand().Command,
        new RecipeShowCommand().Command,
    };
}
