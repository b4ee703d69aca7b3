namespace Piwheels.Core.States;

/// <summary>
/// One wheel made by a build, as its slave or importer describes it. Claims, until the master has checked them.
/// </summary>
/// <param name="Filename">The wheel's file name, without a path.</param>
/// <param name="FileSize">Size in bytes.</param>
/// <param name="FileHash">SHA-256 of the content, 64 lower-case hexadecimal digits.</param>
/// <param name="PackageTag">First part of the file name.</param>
/// <param name="PackageVersionTag">Second part of the file name.</param>
/// <param name="PyVersionTag">Third part from the end of the file name.</param>
/// <param name="AbiTag">Second part from the end of the file name.</param>
/// <param name="PlatformTag">Last part of the file name.</param>
/// <param name="RequiresPython">The Requires-Python of its METADATA; null when there is none.</param>
/// <param name="Dependencies">
/// Names by tool: <c>apt</c> and <c>pip</c> packages, and under the empty tool the libraries that no package owns.
/// </param>
/// <param name="Location">URL path of the index that the file is listed below; <c>/simple</c> unless said otherwise.</param>
public sealed record FileState(
    string Filename,
    long FileSize,
    string FileHash,
    string PackageTag,
    string PackageVersionTag,
    string PyVersionTag,
    string AbiTag,
    string PlatformTag,
    string? RequiresPython,
    IReadOnlyDictionary<string, IReadOnlyList<string>> Dependencies,
    string Location = FileState.DefaultLocation)
{
    public const string DefaultLocation = "/simple";
    public const string AptTool = "apt";
    public const string PipTool = "pip";
    public const string UnownedTool = "";

    /// <summary>No dependencies of any tool.</summary>
    public static readonly IReadOnlyDictionary<string, IReadOnlyList<string>> NoDependencies =
        new Dictionary<string, IReadOnlyList<string>>();
}
