using System.Globalization;
using System.Text;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Publishing;

/// <summary>
/// Where everything lies below the output folder. Paths are made of validated names alone, so none leads out of it.
/// Folders have mode 0755, whatever the umask says, since a web server of another user reads them.
/// </summary>
public sealed class SiteFolder
{
    /// <summary>How the names of this site's temporary files begin; web servers hide such names.</summary>
    public const string TemporaryPrefix = ".page-";

    public const string TemporarySuffix = ".tmp";
    public const string PageFile = "index.html";
    public const string SimpleJsonFile = "index.v1_json";
    public const string MetadataSuffix = ".metadata";

    /// <summary>What Linux's file systems take, in bytes.</summary>
    public const int FilenameLengthMax = 255;

    private const UnixFileMode FolderMode =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead |
        UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    public SiteFolder(string outputPath)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(outputPath);
        Root = Path.GetFullPath(outputPath);
        Simple = Path.Combine(Root, "simple");
        Projects = Path.Combine(Root, "project");
        Logs = Path.Combine(Root, "logs");
    }

    public string Root { get; }
    public string Simple { get; }
    public string Projects { get; }
    public string Logs { get; }

    /// <summary>Wheels of a package, and its simple index.</summary>
    public string SimpleOf(PackageName package) => Path.Combine(Simple, Checked(package));

    /// <summary>A package's page.</summary>
    public string ProjectOf(PackageName package) => Path.Combine(Projects, Checked(package));

    /// <summary>The folder of a package's JSON.</summary>
    public string ProjectJsonOf(PackageName package) => Path.Combine(ProjectOf(package), "json");

    /// <summary>The link of another spelling of a package's name.</summary>
    /// <exception cref="ArgumentException">The spelling is none of that package's, or is the canonical one.</exception>
    public string AliasOf(PackageName package, string spelling)
    {
        if (!IsAlias(package, spelling))
            throw new ArgumentException($"'{spelling}' is no alias of {package}", nameof(spelling));
        return Path.Combine(Projects, spelling);
    }

    /// <summary>Whether the text is another spelling of the package's name.</summary>
    public static bool IsAlias(PackageName package, string spelling) =>
        PackageName.TryParse(spelling, out var name) && name == package && spelling != package.Value;

    /// <summary>A file of a package, below the simple index.</summary>
    /// <exception cref="ArgumentException">The name is no plain file name.</exception>
    public string FileOf(PackageName package, string filename)
    {
        if (!IsFilename(filename)) throw new ArgumentException($"'{filename}' is no file name", nameof(filename));
        return Path.Combine(SimpleOf(package), filename);
    }

    /// <summary>
    /// Whether the text is a plain name that is not hidden: one segment, of characters that a page can hold.
    /// </summary>
    public static bool IsFilename(string filename) =>
        filename.Length is > 0 and <= FilenameLengthMax && filename[0] != '.' &&
        !filename.AsSpan().ContainsAny('/', '\\') && filename.EnumerateRunes().All(IsText);

    /// <summary>A file directly below the output folder, or in a folder of the site's own.</summary>
    public string Page(string relativePath)
    {
        ArgumentException.ThrowIfNullOrEmpty(relativePath);
        if (!relativePath.Split('/').All(IsFilename))
            throw new ArgumentException($"'{relativePath}' is no page", nameof(relativePath));
        return Path.Combine(Root, relativePath);
    }

    /// <summary>The log of a build.</summary>
    public string LogOf(long buildId) => Path.Combine(Root, LogPath(buildId)[1..]);

    /// <summary>The URL path of a build's log: the number in twelve digits, split in fours.</summary>
    public static string LogPath(long buildId)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(buildId);
        var digits = buildId.ToString("D12", CultureInfo.InvariantCulture);
        return $"/logs/{digits[..^8]}/{digits[^8..^4]}/{digits[^4..]}.txt.gz";
    }

    /// <summary>Makes a folder with all that lead to it. A symbolic link in its place is replaced.</summary>
    public void Ensure(string folder)
    {
        if (folder == Root)
        {
            Directory.CreateDirectory(Root);
            return;
        }

        if (!folder.StartsWith(Root, StringComparison.Ordinal))
            throw new ArgumentException($"'{folder}' lies elsewhere", nameof(folder));
        var info = new DirectoryInfo(folder);
        if (info is { Exists: true, LinkTarget: null }) return;
        Ensure(Path.GetDirectoryName(folder)!);
        if (info.LinkTarget is not null) File.Delete(folder);
        if (Directory.Exists(folder)) return;
        Directory.CreateDirectory(folder);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(folder, FolderMode);
    }

    // What is no character in HTML, or replaces half of one
    private static bool IsText(Rune rune) =>
        !Rune.IsControl(rune) && rune.Value is not ((>= 0xfdd0 and <= 0xfdef) or >= 0xfffd and <= 0xffff);

    // default(PackageName) would name the index itself
    private static string Checked(PackageName package) =>
        package.Value.Length > 0
            ? package.Value
            : throw new ArgumentException("a package without a name", nameof(package));
}
