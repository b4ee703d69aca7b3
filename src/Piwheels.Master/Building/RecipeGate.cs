using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.Recipes;

namespace Piwheels.Master.Building;

/// <summary>Which slave may build what, as far as that is up to the recipes.</summary>
/// <param name="forAll">Whether slaves that are sent no recipes build what has one, too.</param>
internal sealed class RecipeGate(RecipeShelf shelf, bool forAll)
{
    /// <summary>The Debian packages that slaves are asked about.</summary>
    public IReadOnlyList<string> AptAsked => shelf.Book.AptPackages;

    public bool IsOpen => shelf.Book.IsEmpty;

    public Recipe For(Release release, Target target) => shelf.Book.For(release, target);

    /// <summary>Whether a slave may have a release of its target.</summary>
    public bool MayBuild(SlaveSession slave, Release release) => IsOpen || MayBuild(slave, For(release, slave.Target));

    /// <summary>
    /// Why a release that waits is not handed out; null where it is, or will be when some slave comes that is not there yet.
    /// </summary>
    /// <param name="slaves">Those for the target.</param>
    /// <param name="before">What held it before: that stays while it is not known better.</param>
    public HeldBuild? HoldOf(Release release, Target target, IReadOnlyCollection<SlaveSession> slaves, HeldBuild? before)
    {
        var recipe = For(release, target);
        if (recipe.Skip is { } reason) return new HeldBuild(release, target, Skipped: true, Cut(reason));
        if (!Asks(recipe)) return null;
        if (slaves.Any(slave => MayBuild(slave, recipe))) return null;
        if (slaves.Count == 0 || slaves.Any(slave => slave.TakesRecipes && !slave.HasAnswered(AptAsked)))
            return before is { Skipped: false } ? before : null;
        return new HeldBuild(release, target, Skipped: false, Cut(WhyNone(recipe, slaves)));
    }

    private bool MayBuild(SlaveSession slave, Recipe recipe)
    {
        if (recipe.Skip is not null) return false;
        return slave.TakesRecipes ? recipe.Apt.All(slave.Apt.Contains) : forAll || !Asks(recipe);
    }

    private static bool Asks(Recipe recipe) => recipe.Apt.Length > 0 || recipe.ChangesBuild;

    private static string WhyNone(Recipe recipe, IReadOnlyCollection<SlaveSession> slaves)
    {
        var fewest = slaves.Where(static slave => slave.TakesRecipes)
            .Select(slave => recipe.Apt.Where(package => !slave.Apt.Contains(package)).ToList())
            .MinBy(static missing => missing.Count);
        return fewest is null
            ? "none of the slaves takes recipes"
            : $"no slave has the apt package{(fewest.Count > 1 ? "s" : "")} {string.Join(", ", fewest)}";
    }

    private static string Cut(string reason) =>
        reason.Length <= HeldBuild.ReasonLengthMax ? reason : reason[..(HeldBuild.ReasonLengthMax - 3)] + "...";
}
