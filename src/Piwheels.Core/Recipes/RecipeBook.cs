using Piwheels.Core.Packaging;

namespace Piwheels.Core.Recipes;

/// <summary>A section of a file of recipes.</summary>
/// <param name="File">The file's name, without a path.</param>
/// <param name="Line">Where it begins, from 1.</param>
public sealed record RecipeSection(
    RecipeSelector Selector, IReadOnlyList<RecipeSetting> Settings, string File, int Line);

/// <summary>
/// All recipes. What several sections say of a release on a target is put together key by key: the more particular
/// section wins (<see cref="RecipeSelector.Rank"/>), of equal ones the later, in the order of the files' names.
/// </summary>
public sealed class RecipeBook
{
    /// <summary>No recipe.</summary>
    public static readonly RecipeBook Empty = new([]);

    // Nearly all sections are about one package each: looked up by name, not gone through
    private readonly Dictionary<PackageName, List<RecipeSection>> _byPackage = [];
    private readonly List<RecipeSection> _byPattern = [];

    /// <param name="sections">In the order of files and lines.</param>
    public RecipeBook(IEnumerable<RecipeSection> sections)
    {
        // The order of equals is kept
        Sections = [.. sections.OrderBy(static section => section.Selector.Rank)];
        AptPackages =
        [
            .. Sections.SelectMany(static section => section.Settings)
                .SelectMany(static setting => setting.Apply(Recipe.None).Apt)
                .Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal),
        ];
        foreach (var section in Sections)
        {
            if (section.Selector.Package is not { } package) _byPattern.Add(section);
            else if (_byPackage.TryGetValue(package, out var own)) own.Add(section);
            else _byPackage.Add(package, [section]);
        }
    }

    /// <summary>All sections; one that wins against another comes after it.</summary>
    public IReadOnlyList<RecipeSection> Sections { get; }

    /// <summary>The packages that are named, without those that patterns are about.</summary>
    public IEnumerable<PackageName> Packages => _byPackage.Keys;

    /// <summary>All Debian packages that are asked for, in order.</summary>
    public IReadOnlyList<string> AptPackages { get; }

    public bool IsEmpty => Sections.Count == 0;

    /// <summary>The sections that are about some release of a package.</summary>
    public IEnumerable<RecipeSection> SectionsOf(PackageName package)
    {
        // By name comes after by pattern: a name is the more particular
        var patterns = _byPattern.Where(section => section.Selector.IsAbout(package));
        return _byPackage.TryGetValue(package, out var own) ? patterns.Concat(own) : patterns;
    }

    /// <summary>The packages that are named in this book or in another, and of which not both say the same.</summary>
    public IReadOnlyList<PackageName> PackagesOtherThanIn(RecipeBook other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return [.. Packages.Union(other.Packages).Where(package => TextOf(package) != other.TextOf(package))];
    }

    private string TextOf(PackageName package) => string.Join('\n', SectionsOf(package).SelectMany(
        static section => section.Settings.Select(static setting => $"{setting}").Prepend($"[{section.Selector}]")));

    /// <summary>The recipe for a release on a target; <see cref="Recipe.None"/> where nothing is said of it.</summary>
    public Recipe For(Release release, Target target)
    {
        var recipe = Recipe.None;
        if (IsEmpty) return recipe;
        foreach (var section in SectionsOf(release.Package))
        {
            if (!section.Selector.IsAbout(release, target)) continue;
            foreach (var setting in section.Settings) recipe = setting.Apply(recipe);
        }

        return recipe;
    }

    /// <summary>The settings that make that recipe, with the sections that they are from, in the order of their keys.</summary>
    public IReadOnlyList<(RecipeSetting Setting, RecipeSection Section)> Explain(Release release, Target target)
    {
        var inForce = new SortedDictionary<string, (RecipeSetting, RecipeSection)>(StringComparer.Ordinal);
        foreach (var section in SectionsOf(release.Package).Where(section => section.Selector.IsAbout(release, target)))
        {
            foreach (var setting in section.Settings)
            {
                if (setting.Text.Length > 0) inForce[setting.Key] = (setting, section);
                else inForce.Remove(setting.Key);
            }
        }

        return [.. inForce.Values];
    }
}
