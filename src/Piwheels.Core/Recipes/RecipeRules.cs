using System.Text.RegularExpressions;
using Piwheels.Core.Packaging;
using Piwheels.Core.Units;

namespace Piwheels.Core.Recipes;

/// <summary>
/// What may stand in a recipe. Checked where the operator's files are read, and again by a slave that is sent one: what
/// keeps a build in its place is not a recipe's to change.
/// </summary>
public static partial class RecipeRules
{
    /// <summary>Debian packages, variables or arguments of one recipe.</summary>
    public const int EntriesMax = 100;

    /// <summary>The longest name of a Debian package, in characters.</summary>
    public const int AptLengthMax = 100;

    /// <summary>The longest variable, and the longest argument, in characters.</summary>
    public const int ValueLengthMax = 4_000;

    /// <summary>The longest reason to skip, in characters: what the database holds of one.</summary>
    public const int SkipLengthMax = 100;

    /// <summary>The longest name of a patch, in characters.</summary>
    public const int PatchNameLengthMax = 100;

    public static readonly TimeSpan TimeoutMin = TimeSpan.FromSeconds(1);

    public static readonly TimeSpan TimeoutMax = TimeSpan.FromDays(7);

    /// <summary>Less memory than this starts no Python.</summary>
    public const long MemoryMin = 64L << 20;

    public const long MemoryMax = 16L << 40;

    /// <summary>
    /// What pip may be told. Each stands by itself, as <c>--NAME</c> or <c>--NAME=VALUE</c>. None of them says what is
    /// built, from where, or where to.
    /// </summary>
    private static readonly Dictionary<string, bool> Arguments = new(StringComparer.Ordinal)
    {
        ["--build-option"] = true,
        ["--check-build-dependencies"] = false,
        ["--config-settings"] = true,
        ["--global-option"] = true,
        ["--no-build-isolation"] = false,
        ["--no-use-pep517"] = false,
        ["--use-pep517"] = false,
        ["--verbose"] = false,
    };

    /// <summary>Variables that are the slave's own, or that would tell pip, Python or the loader what no argument may.</summary>
    private static readonly HashSet<string> OwnVariables = new(StringComparer.OrdinalIgnoreCase)
    {
        "HOME", "PATH", "TMPDIR", "PIWHEELS_BUILD", "RUSTUP_HOME", "GIT_ALLOW_PROTOCOL", "http_proxy", "https_proxy",
        "ftp_proxy", "all_proxy", "no_proxy", "BASH_ENV", "ENV", "IFS",
    };

    private static readonly string[] OwnPrefixes = ["PIP_", "PYTHON", "LD_"];

    /// <summary>What is wrong with a whole recipe, as one that came over the wire; null when nothing is.</summary>
    public static string? Fault(Recipe recipe)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        if (recipe.Apt.Length > EntriesMax || recipe.PipArguments.Length > EntriesMax || recipe.Environment.Count > EntriesMax)
            return $"it has more than {EntriesMax} entries of a kind";
        return recipe.Apt.Select(AptFault)
            .Concat(recipe.Environment.Select(static variable => VariableFault(variable.Key, variable.Value)))
            .Concat(recipe.PipArguments.Select(ArgumentFault))
            .Append(recipe.Timeout is { } timeout ? TimeoutFault(timeout) : null)
            .Append(recipe.Memory is { } memory ? MemoryFault(memory) : null)
            .Append(recipe.Patch is { } patch ? PatchFault(patch) : null)
            .FirstOrDefault(static fault => fault is not null);
    }

    /// <summary>What is wrong with the name of a Debian package; null when nothing is. So the others.</summary>
    public static string? AptFault(string name) =>
        name is { Length: <= AptLengthMax } && AptName().IsMatch(name)
            ? null
            : $"'{Excerpt.Of(name)}' is no name of a Debian package";

    public static string? VariableFault(string name, string value)
    {
        if (name is not { Length: <= AptLengthMax } || !VariableName().IsMatch(name))
            return $"'{Excerpt.Of(name)}' is no name of a variable";
        if (OwnVariables.Contains(name) || OwnPrefixes.Any(own => name.StartsWith(own, StringComparison.OrdinalIgnoreCase)))
            return $"{name} is not a recipe's to set";
        return TextFault(value);
    }

    public static string? ArgumentFault(string argument)
    {
        if (TextFault(argument) is { } fault) return fault;
        var end = argument.IndexOf('=', StringComparison.Ordinal);
        var name = end < 0 ? argument : argument[..end];
        if (!Arguments.TryGetValue(name, out var hasValue))
            return $"'{Excerpt.Of(argument)}' is no argument that a recipe may give: {string.Join(", ", Arguments.Keys)}";
        if (hasValue && end < 0) return $"{name} needs its value after '=', in the same word";
        return !hasValue && end >= 0 ? $"{name} takes no value" : null;
    }

    public static string? TimeoutFault(TimeSpan timeout) =>
        timeout >= TimeoutMin && timeout <= TimeoutMax ? null : "not between one second and seven days";

    public static string? MemoryFault(long bytes) =>
        bytes is >= MemoryMin and <= MemoryMax
            ? null
            : $"not between {BytesText.Show(MemoryMin)} and {BytesText.Show(MemoryMax)}";

    public static string? SkipFault(string reason) => reason.Length <= SkipLengthMax
        ? TextFault(reason)
        : $"the reason has {reason.Length} characters, at most {SkipLengthMax} are kept";

    /// <summary>As the others: a patch lies beside its recipe, and so has no path.</summary>
    public static string? PatchNameFault(string name) =>
        name is { Length: <= PatchNameLengthMax } && PatchName().IsMatch(name)
            ? null
            : $"'{Excerpt.Of(name)}' is no name of a file beside the recipe";

    public static string? PatchFault(RecipePatch patch)
    {
        ArgumentNullException.ThrowIfNull(patch);
        if (PatchNameFault(patch.Name) is { } fault) return fault;
        if (patch.Text.Length > RecipePatch.LengthMax)
            return $"{patch.Name} has more than {RecipePatch.LengthMax} characters";
        // Git's binary patches among others, which patch(1) would pass over in silence
        var hunks = FirstHunk().Matches(patch.Text);
        if (hunks.Count == 0) return $"{patch.Name} is no unified diff";
        var outside = hunks.SelectMany(hunk => hunk.Groups["path"].Captures).FirstOrDefault(path => IsOutside(path.Value));
        return outside is null ? null : $"{patch.Name} is about '{Excerpt.Of(outside.Value)}', which is not in the source";
    }

    // patch(1) would refuse most of these; what a recipe is about shall be known before
    private static bool IsOutside(string path) =>
        path != "/dev/null" && (path[0] is '/' or '~' || !path.Contains('/', StringComparison.Ordinal)
            || path.Split('/').Any(static part => part is "" or ".."));

    private static string? TextFault(string text)
    {
        if (text.Length > ValueLengthMax) return $"longer than {ValueLengthMax} characters";
        return text.Any(char.IsControl) ? "has a control character" : null;
    }

    // Debian Policy, 5.6.1
    [GeneratedRegex(@"^[a-z0-9][a-z0-9+.-]+\z", RegexOptions.CultureInvariant)]
    private static partial Regex AptName();

    [GeneratedRegex(@"^[A-Za-z_][A-Za-z0-9_]*\z", RegexOptions.CultureInvariant)]
    private static partial Regex VariableName();

    [GeneratedRegex(@"^[A-Za-z0-9_][A-Za-z0-9_.+-]*\z", RegexOptions.CultureInvariant)]
    private static partial Regex PatchName();

    [GeneratedRegex(
        @"^--- (?<path>[^\t\r\n]+)[^\n]*\n\+\+\+ (?<path>[^\t\r\n]+)[^\n]*\n@@ ",
        RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex FirstHunk();
}
