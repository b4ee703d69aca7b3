using System.Collections.Immutable;

namespace Piwheels.Core.Recipes;

/// <summary>What a build may reach over the network.</summary>
public enum RecipeNetwork
{
    /// <summary>The index that the source comes from.</summary>
    Index,

    /// <summary>Nothing.</summary>
    None,

    /// <summary>Everything.</summary>
    Full,
}

/// <summary>A change of a release's source, as a unified diff that is applied in the folder of the source.</summary>
/// <param name="Name">The file that it comes from, without a path.</param>
public sealed record RecipePatch(string Name, string Text)
{
    /// <summary>The largest patch, in characters.</summary>
    public const int LengthMax = 64 * 1024;
}

/// <summary>
/// How a release is built on a target, where that is not as any other: what the operator has written down for it. What
/// is null or empty is left as the slave does it anyway.
/// </summary>
public sealed record Recipe
{
    /// <summary>Nothing special.</summary>
    public static readonly Recipe None = new();

    /// <summary>Debian packages without which a slave does not get the build.</summary>
    public ImmutableArray<string> Apt { get; init; } = [];

    /// <summary>Environment variables, by their names.</summary>
    public ImmutableSortedDictionary<string, string> Environment { get; init; } =
        ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    /// <summary>Arguments for pip, besides the usual ones.</summary>
    public ImmutableArray<string> PipArguments { get; init; } = [];

    /// <summary>The longest time that the build may take.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>The memory that the build may use, in bytes.</summary>
    public long? Memory { get; init; }

    public RecipeNetwork? Network { get; init; }

    /// <summary>Whether its wheels are handed over without having been imported.</summary>
    public bool WithoutImport { get; init; }

    /// <summary>Why it is not built at all; null where it is.</summary>
    public string? Skip { get; init; }

    public RecipePatch? Patch { get; init; }

    /// <summary>Whether the build is another without it; limits alone make no other one.</summary>
    public bool ChangesBuild => Environment.Count > 0 || PipArguments.Length > 0 || Patch is not null;

    public bool Equals(Recipe? other) =>
        other is not null && Apt.SequenceEqual(other.Apt) && PipArguments.SequenceEqual(other.PipArguments)
        && Environment.SequenceEqual(other.Environment) && Timeout == other.Timeout && Memory == other.Memory
        && Network == other.Network && WithoutImport == other.WithoutImport && Skip == other.Skip && Patch == other.Patch;

    public override int GetHashCode() =>
        HashCode.Combine(
            Apt.Length, Environment.Count, PipArguments.Length, Timeout, Memory, (Network, WithoutImport), Skip, Patch);
}
