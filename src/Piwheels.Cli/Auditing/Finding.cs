namespace Piwheels.Cli.Auditing;

/// <summary>What an audit can find of a path.</summary>
internal enum FindingKind
{
    /// <summary>It should be there.</summary>
    Missing,

    /// <summary>It is there, and nobody knows it.</summary>
    Extra,

    /// <summary>It is there, and not what it should be.</summary>
    Broken,
}

/// <summary>Something that an audit found.</summary>
/// <param name="Path">Relative to the published folder.</param>
/// <param name="Detail">What is wrong with it, where the kind alone does not say; else empty.</param>
internal readonly record struct Finding(FindingKind Kind, string Path, string Detail = "");
