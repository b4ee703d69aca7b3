using Piwheels.Master.Publishing;

namespace Piwheels.Cli.Auditing;

/// <summary>A published folder, looked at without following links.</summary>
internal sealed class PublishedFolder(string outputPath)
{
    public SiteFolder Site { get; } = new(outputPath);

    /// <exception cref="CommandFault">There is no such folder.</exception>
    public static PublishedFolder Open(string outputPath)
    {
        var folder = new PublishedFolder(outputPath);
        if (!Directory.Exists(folder.Site.Root)) throw new CommandFault($"there is no folder {folder.Site.Root}");
        return folder;
    }

    /// <summary>A path as findings tell it.</summary>
    public string Relative(string path) => Path.GetRelativePath(Site.Root, path);

    /// <summary>What is in a folder, but hidden names, which are files on their way; nothing where it is none.</summary>
    public static IEnumerable<FileSystemInfo> Entries(string folder)
    {
        var info = new DirectoryInfo(folder);
        return info is { Exists: true, LinkTarget: null }
            ? info.EnumerateFileSystemInfos().Where(static entry => !entry.Name.StartsWith('.'))
            : [];
    }

    public static bool IsFile(string path) => new FileInfo(path) is { Exists: true, LinkTarget: null };
}
