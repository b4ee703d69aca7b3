namespace Piwheels.Core.Packaging;

/// <summary>
/// One version of one package: what is built, skipped, yanked and deleted. The version is text as the index spells
/// it, since old ones need not follow PEP 440.
/// </summary>
public readonly record struct Release(PackageName Package, string Version)
{
    /// <summary>The longest version text that the database holds, in characters.</summary>
    public const int VersionLengthMax = 200;

    public override string ToString() => $"{Package} {Version}";
}
