using Piwheels.Core.Recipes;
using Piwheels.Slave.Limits;
using Piwheels.Slave.Sandboxing;

namespace Piwheels.Slave.Building;

/// <summary>What a build may use and reach.</summary>
/// <param name="Limits">What it may use up.</param>
/// <param name="ExtraIndexes">Indexes to look build requirements up in, besides the master's.</param>
internal sealed record BuildRules(ResourceLimits Limits, IReadOnlyList<Uri> ExtraIndexes)
{
    /// <summary>What it may reach; without a sandbox nothing can be kept from it.</summary>
    public BuildNetwork Network { get; init; } = BuildNetwork.Index;

    /// <summary>Hosts that it may reach besides those of its indexes.</summary>
    public IReadOnlyList<string> Hosts { get; init; } = [];

    /// <summary>How long the import of a wheel with machine code may take; null: it is not tried.</summary>
    public TimeSpan? ImportTime { get; init; }

    /// <summary>What is special about this one.</summary>
    public Recipe Recipe { get; init; } = Recipe.None;

    /// <summary>
    /// The rules for a release with a recipe. A recipe may narrow what the slave allows, and never widens it: who looks after
    /// this machine has the last word.
    /// </summary>
    public BuildRules With(Recipe recipe) => this with
    {
        Recipe = recipe,
        Limits = Limits with
        {
            WallTime = recipe.Timeout is { } timeout && timeout < Limits.WallTime ? timeout : Limits.WallTime,
            MemoryBytes = recipe.Memory is { } memory && memory < Limits.MemoryBytesMax ? memory : Limits.MemoryBytes,
        },
        ImportTime = recipe.WithoutImport ? null : ImportTime,
        Network = recipe.Network is { } network ? Narrower(NetworkOf(network), Network) : Network,
    };

    private static BuildNetwork NetworkOf(RecipeNetwork network) => network switch
    {
        RecipeNetwork.None => BuildNetwork.None,
        RecipeNetwork.Full => BuildNetwork.Full,
        _ => BuildNetwork.Index,
    };

    private static BuildNetwork Narrower(BuildNetwork one, BuildNetwork other) =>
        one == BuildNetwork.None || other == BuildNetwork.None ? BuildNetwork.None
        : one == BuildNetwork.Full ? other
        : one;
}

/// <summary>What this machine has to hold builds with.</summary>
/// <param name="Sandbox">Null where none can run, or none is wanted.</param>
/// <param name="ControlGroups">The folder to make control groups in; null where none was delegated.</param>
internal sealed record BuildContainment(BuildSandbox? Sandbox, string? ControlGroups)
{
    public static readonly BuildContainment None = new(null, null);
}
