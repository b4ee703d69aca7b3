using System.Collections.Immutable;
using System.Text;
using Piwheels.Core.Packaging;
using Piwheels.Core.Units;

namespace Piwheels.Core.Recipes;

/// <summary>One line of a recipe: what it changes of the recipes that are less particular.</summary>
/// <param name="Key">As in the file; a variable is a key of its own.</param>
/// <param name="Text">The value as it was written; empty: as though nobody had said anything.</param>
/// <param name="Line">In its file, from 1.</param>
/// <param name="Apply">Makes the change.</param>
public sealed record RecipeSetting(string Key, string Text, int Line, Func<Recipe, Recipe> Apply)
{
    public const string VariablePrefix = "environment.";

    /// <summary>The value of check-import.</summary>
    public const string Never = "never";

    private static readonly string[] Keys =
        ["apt", VariablePrefix + "NAME", "pip-arguments", "timeout", "memory", "network", "check-import", "skip", "patch"];

    /// <summary>Reads one.</summary>
    /// <param name="readPatch">Reads a file beside the recipe.</param>
    /// <exception cref="FormatException">The key or its value is none; the text says why.</exception>
    public static RecipeSetting Parse(string key, string text, int line, Func<string, RecipePatch> readPatch)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(readPatch);
        return new RecipeSetting(key, text, line, key switch
        {
            "apt" => Apt(text),
            "pip-arguments" => PipArguments(text),
            "timeout" => Timeout(text),
            "memory" => Memory(text),
            "network" => Network(text),
            "check-import" => CheckImport(text),
            "skip" => Skip(text),
            "patch" => Patch(text, readPatch),
            _ when key.StartsWith(VariablePrefix, StringComparison.Ordinal) => Variable(key[VariablePrefix.Length..], text),
            _ => throw new FormatException($"there is no such key; there are {string.Join(", ", Keys)}"),
        });
    }

    public override string ToString() => $"{Key} = {Text}";

    private static Func<Recipe, Recipe> Apt(string text)
    {
        var packages = Entries(Words(text));
        Check(packages, RecipeRules.AptFault);
        return recipe => recipe with { Apt = packages };
    }

    private static Func<Recipe, Recipe> PipArguments(string text)
    {
        var arguments = Entries(Words(text));
        Check(arguments, RecipeRules.ArgumentFault);
        return recipe => recipe with { PipArguments = arguments };
    }

    private static Func<Recipe, Recipe> Variable(string name, string text)
    {
        Check(RecipeRules.VariableFault(name, text));
        return recipe => recipe with
        {
            Environment = text.Length > 0 ? recipe.Environment.SetItem(name, text) : recipe.Environment.Remove(name),
        };
    }

    private static Func<Recipe, Recipe> Timeout(string text)
    {
        TimeSpan? timeout = text.Length > 0 ? DurationText.Parse(text) : null;
        if (timeout is { } some) Check(RecipeRules.TimeoutFault(some));
        return recipe => recipe with { Timeout = timeout };
    }

    private static Func<Recipe, Recipe> Memory(string text)
    {
        long? bytes = text.Length > 0 ? BytesText.Parse(text) : null;
        if (bytes is { } some) Check(RecipeRules.MemoryFault(some));
        return recipe => recipe with { Memory = bytes };
    }

    private static Func<Recipe, Recipe> Network(string text)
    {
        RecipeNetwork? network = text.Length > 0 ? RecipeNetworks.Parse(text) : null;
        return recipe => recipe with { Network = network };
    }

    private static Func<Recipe, Recipe> CheckImport(string text)
    {
        Check(text is "" or Never ? null : $"'{Excerpt.Of(text)}' is not {Never}, which is all that a recipe may say of it");
        return recipe => recipe with { WithoutImport = text.Length > 0 };
    }

    private static Func<Recipe, Recipe> Skip(string text)
    {
        Check(RecipeRules.SkipFault(text));
        var reason = text.Length > 0 ? text : null;
        return recipe => recipe with { Skip = reason };
    }

    private static Func<Recipe, Recipe> Patch(string text, Func<string, RecipePatch> readPatch)
    {
        if (text.Length == 0) return static recipe => recipe with { Patch = null };
        Check(RecipeRules.PatchNameFault(text));
        var patch = readPatch(text);
        Check(RecipeRules.PatchFault(patch));
        return recipe => recipe with { Patch = patch };
    }

    private static ImmutableArray<string> Entries(List<string> words)
    {
        var entries = words.Distinct(StringComparer.Ordinal).ToImmutableArray();
        return entries.Length <= RecipeRules.EntriesMax
            ? entries
            : throw new FormatException($"has {entries.Length} entries, at most {RecipeRules.EntriesMax} are taken");
    }

    /// <summary>Words between blanks; <c>"..."</c> and <c>'...'</c> hold blanks together.</summary>
    private static List<string> Words(string text)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        var (quote, begun) = ('\0', false);
        foreach (var c in text)
        {
            if (quote == '\0' && (c is '"' or '\'')) (quote, begun) = (c, true);
            else if (c == quote && quote != '\0') quote = '\0';
            else if (quote == '\0' && (c is ' ' or '\t')) End();
            else (_, begun) = (word.Append(c), true);
        }

        if (quote != '\0') throw new FormatException($"a {quote} is not closed");
        End();
        return words;

        void End()
        {
            if (begun) words.Add(word.ToString());
            word.Clear();
            begun = false;
        }
    }

    private static void Check(IEnumerable<string> entries, Func<string, string?> faultOf)
    {
        foreach (var entry in entries) Check(faultOf(entry));
    }

    private static void Check(string? fault)
    {
        if (fault is not null) throw new FormatException(fault);
    }
}

/// <summary>The words for what a build may reach.</summary>
public static class RecipeNetworks
{
    private static readonly string[] Words = ["index", "none", "full"];

    public static string WordOf(RecipeNetwork network) => Words[(int)network];

    /// <exception cref="FormatException">It is none of the words.</exception>
    public static RecipeNetwork Parse(string word) => Array.IndexOf(Words, word) is >= 0 and var at
        ? (RecipeNetwork)at
        : throw new FormatException($"'{Excerpt.Of(word)}' is none of {string.Join(", ", Words)}");
}
