using Piwheels.Core.Units;

namespace Piwheels.Core.Recipes;

/// <summary>Recipes in words, for logs and pages that anybody may read.</summary>
public static class RecipeText
{
    /// <summary>A line for each key, as in a file. What a variable is set to may be no matter of the reader's: its name alone.</summary>
    public static IEnumerable<string> LinesOf(Recipe recipe)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        if (recipe.Apt.Length > 0) yield return $"apt = {string.Join(' ', recipe.Apt)}";
        foreach (var name in recipe.Environment.Keys) yield return RecipeSetting.VariablePrefix + name;
        if (recipe.PipArguments.Length > 0) yield return $"pip-arguments = {string.Join(' ', recipe.PipArguments)}";
        if (recipe.Timeout is { } timeout) yield return $"timeout = {DurationText.Show(timeout)}";
        if (recipe.Memory is { } memory) yield return $"memory = {BytesText.Show(memory)}";
        if (recipe.Network is { } network) yield return $"network = {RecipeNetworks.WordOf(network)}";
        if (recipe.WithoutImport) yield return $"check-import = {RecipeSetting.Never}";
        if (recipe.Patch is { } patch) yield return $"patch = {patch.Name}";
    }
}
