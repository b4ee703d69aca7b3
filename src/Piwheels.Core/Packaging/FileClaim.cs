using Piwheels.Core.States;

namespace Piwheels.Core.Packaging;

/// <summary>
/// Checks what somebody claims of a wheel that he wants to send, before anything of it reaches the disk or the
/// database.
/// </summary>
public static class FileClaim
{
    /// <summary>The largest wheel, in bytes: what the database's column holds.</summary>
    public const long FileSizeMax = int.MaxValue;

    /// <summary>Characters of a file name: its METADATA stands beside it under a longer one, and the disk holds 255.</summary>
    public const int FileNameLengthMax = WheelFileName.LengthMax - 9;

    /// <summary>Names of all tools together that one wheel may depend on.</summary>
    public const int DependenciesMax = 2_000;

    /// <summary>Lengths that the database holds, in characters.</summary>
    public const int DependencyLengthMax = 255;

    public const int RequiresPythonLengthMax = 200;
    public const int TagLengthMax = 100;

    private const int HashLength = 64;

    /// <summary>Why the claims cannot be true of a wheel of the release; null when they can.</summary>
    public static string? Refusal(FileState file, Release release)
    {
        if (!WheelFileName.TryParse(file.Filename, out var name)) return "this is not the name of a wheel";
        if (file.Filename.Length > FileNameLengthMax) return $"a name of {file.Filename.Length} characters is too long";
        if (name.Package != release.Package) return $"the package asked for is {release.Package}";
        if (!name.IsOf(release)) return $"the version asked for is {release.Version}";
        if (!TagsAgree(file, name)) return "its tags are not those of its name";
        if (file.FileSize is <= 0 or > FileSizeMax) return $"a wheel cannot have {file.FileSize} bytes";
        if (!IsHash(file.FileHash)) return "its hash is no SHA-256";
        return MetadataRefusal(file);
    }

    private static bool TagsAgree(FileState file, WheelFileName name) =>
        file.PackageTag == name.PackageTag
        && file.PackageVersionTag == name.VersionTag
        && file.PyVersionTag == name.PythonTag
        && file.AbiTag == name.AbiTag
        && file.PlatformTag == name.PlatformTag
        && Math.Max(file.PyVersionTag.Length, Math.Max(file.AbiTag.Length, file.PlatformTag.Length)) <= TagLengthMax;

    private static string? MetadataRefusal(FileState file)
    {
        if (file.RequiresPython is { } requires
            && (requires.Length > RequiresPythonLengthMax || requires.Any(char.IsControl)))
        {
            return "its Requires-Python is too long or no text";
        }

        var count = 0;
        foreach (var (tool, names) in file.Dependencies)
        {
            if (tool is not (FileState.AptTool or FileState.PipTool or FileState.UnownedTool))
            {
                return $"dependencies of {Excerpt.Of(tool)} are not known";
            }

            count += names.Count;
            if (count > DependenciesMax) return "its dependencies are too many";
            if (!names.All(IsDependency)) return $"a dependency of {tool} is empty, too long or no text";
        }

        return null;
    }

    private static bool IsHash(string text) => text.Length == HashLength && text.All(char.IsAsciiHexDigit);

    private static bool IsDependency(string name) =>
        name.Length is > 0 and <= DependencyLengthMax
        && !name.Any(static c => char.IsControl(c) || char.IsSurrogate(c));
}
