using System.Buffers;
using System.Text;
using System.Text.RegularExpressions;
using Piwheels.Core.AccessLog;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;

namespace Piwheels.Testing;

/// <summary>What the columns of the real database hold.</summary>
internal static partial class FakeLimits
{
    public const int SkipLengthMax = 100;
    public const int DescriptionLengthMax = 200;
    public const int FilenameLengthMax = 255;
    public const int TagLengthMax = 100;
    public const int RequiresPythonLengthMax = 200;
    public const int LocationLengthMax = 100;
    public const int DependencyLengthMax = 255;
    public const int PageLengthMax = 30;

    public static bool Fits(string text, int lengthMax) =>
        text.Length <= lengthMax && !text.Contains('\0', StringComparison.Ordinal) && !HasHalfPair(text);

    public static bool Fits(FileState file) =>
        file.Filename.Length > 0 &&
        Fits(file.Filename, FilenameLengthMax) &&
        file.FileSize >= 0 &&
        Hash().IsMatch(file.FileHash) &&
        Fits(file.PackageTag, PackageName.LengthMax) &&
        Fits(file.PackageVersionTag, Release.VersionLengthMax) &&
        Fits(file.PyVersionTag, TagLengthMax) &&
        Fits(file.AbiTag, TagLengthMax) &&
        Fits(file.PlatformTag, TagLengthMax) &&
        Fits(file.RequiresPython ?? "", RequiresPythonLengthMax) &&
        Fits(file.Location, LocationLengthMax) &&
        file.Dependencies.Keys.All(tool => tool is FileState.AptTool or FileState.PipTool or FileState.UnownedTool) &&
        file.Dependencies.Values.All(names => names.All(name => Fits(name, DependencyLengthMax)));

    public static bool Fits(AccessState access)
    {
        var (what, lengthMax) = access switch
        {
            DownloadState download => (download.Filename, FilenameLengthMax),
            SearchState search => (search.Package, PackageName.LengthMax),
            ProjectState hit => (hit.Package, PackageName.LengthMax),
            JsonState hit => (hit.Package, PackageName.LengthMax),
            PageState hit => (hit.Page, PageLengthMax),
            _ => ("", 0),
        };
        return what.Length > 0 && Fits(what, lengthMax) && HostAddress.TryParse(access.Host, out _);
    }

    private static bool HasHalfPair(string text)
    {
        for (ReadOnlySpan<char> rest = text; !rest.IsEmpty;)
        {
            if (Rune.DecodeFromUtf16(rest, out _, out var length) != OperationStatus.Done) return true;
            rest = rest[length..];
        }

        return false;
    }

    [GeneratedRegex("^[0-9a-f]{64}$")]
    private static partial Regex Hash();
}
