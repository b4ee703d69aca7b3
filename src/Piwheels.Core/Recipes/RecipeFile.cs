using System.Globalization;
using Piwheels.Core.Packaging;

namespace Piwheels.Core.Recipes;

/// <summary>
/// A file of recipes: INI as the configuration's, but with sections in an order, which counts, and with keys in small
/// letters, since variables are keys too. Comments are lines of their own and begin with <c>;</c> or <c>#</c>.
/// </summary>
public static class RecipeFile
{
    /// <summary>Reads a file's text.</summary>
    /// <param name="name">The file's name, for what is said of it.</param>
    /// <param name="readPatch">Reads a file beside it.</param>
    /// <exception cref="RecipeException">A line is none, or says what no recipe can.</exception>
    public static IReadOnlyList<RecipeSection> Read(string name, string text, Func<string, RecipePatch> readPatch)
    {
        ArgumentNullException.ThrowIfNull(text);
        var sections = new List<RecipeSection>();
        var settings = new List<RecipeSetting>();
        var number = 0;
        foreach (var raw in text.Split('\n'))
        {
            number++;
            var line = raw.Trim();
            if (line.Length == 0 || line[0] is ';' or '#') continue;
            if (line[0] == '[')
            {
                settings = [];
                sections.Add(new RecipeSection(SelectorIn(name, number, line), settings, name, number));
            }
            else if (sections.Count == 0)
            {
                throw Fault(name, number, "a setting before the first [section]");
            }
            else
            {
                settings.Add(SettingIn(sections[^1], settings, number, line, readPatch));
            }
        }

        return sections;
    }

    private static RecipeSelector SelectorIn(string name, int number, string line)
    {
        if (line[^1] != ']') throw Fault(name, number, "a section without its ']'");
        return RecipeSelector.TryParse(line[1..^1].Trim(), out var selector, out var fault)
            ? selector
            : throw Fault(name, number, $"{Excerpt.Of(line)}: {fault}");
    }

    private static RecipeSetting SettingIn(
        RecipeSection section, List<RecipeSetting> before, int number, string line, Func<string, RecipePatch> readPatch)
    {
        var at = line.IndexOf('=', StringComparison.Ordinal);
        if (at < 0) throw Fault(section.File, number, $"[{section.Selector}]: neither KEY = VALUE nor [section]");
        var (key, value) = (line[..at].TrimEnd(), line[(at + 1)..].TrimStart());
        if (value.Length > 1 && value[0] == '"' && value[^1] == '"') value = value[1..^1];
        var place = $"[{section.Selector}] {Excerpt.Of(key)}";
        if (before.Find(setting => setting.Key == key) is { } first)
            throw Fault(section.File, number, string.Create(CultureInfo.InvariantCulture, $"{place}: said in line {first.Line} already"));
        try
        {
            return RecipeSetting.Parse(key, value, number, readPatch);
        }
        catch (Exception e) when (e is FormatException or RecipeException)
        {
            throw Fault(section.File, number, $"{place}: {e.Message}", e);
        }
    }

    private static RecipeException Fault(string file, int line, string reason, Exception? inner = null) =>
        new(string.Create(CultureInfo.InvariantCulture, $"{file}:{line}: {reason}"), inner);
}
