using Microsoft.Extensions.Logging;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Publishing;

/// <summary>
/// Takes packages and versions off the disk: exactly their own files, then folders that are empty. What somebody else
/// has put there stays, and is told of. Links are removed, never followed.
/// </summary>
internal sealed partial class PackageRemoval(SiteFolder folder, ILogger logger)
{
    internal void RemovePackage(PackageName package, IReadOnlyList<string> aliases)
    {
        foreach (var alias in aliases.Where(alias => SiteFolder.IsAlias(package, alias)))
        {
            var link = new FileInfo(folder.AliasOf(package, alias));
            if (link.LinkTarget == package.Value) link.Delete();
        }

        var project = folder.ProjectOf(package);
        if (IsFolder(project))
        {
            // Not through a link: that would be another package's
            var json = folder.ProjectJsonOf(package);
            RemoveFiles(json, name => name == "index.json");
            RemoveFolder(json);
        }

        RemoveFiles(project, name => name == SiteFolder.PageFile);
        RemoveFolder(project);
        var simple = folder.SimpleOf(package);
        RemoveFiles(simple, name => IsWheel(name) || name is SiteFolder.PageFile or SiteFolder.SimpleJsonFile);
        RemoveFolder(simple);
        Removed(logger, package);
    }

    /// <summary>Removes a version's wheels: those that the database names, and those whose names say so.</summary>
    internal void RemoveVersion(Release release, IReadOnlyList<string> files)
    {
        var named = files.ToHashSet(StringComparer.Ordinal);
        named.UnionWith(files.Select(Armv6Alias.NameFor).OfType<string>());
        RemoveFiles(folder.SimpleOf(release.Package), name =>
            IsWheel(name) && (named.Contains(WheelOf(name)) || IsOfVersion(WheelOf(name), release)));
        VersionRemoved(logger, release);
    }

    private static bool IsWheel(string name) => WheelOf(name).EndsWith(".whl", StringComparison.Ordinal);

    private static string WheelOf(string name) =>
        name.EndsWith(SiteFolder.MetadataSuffix, StringComparison.Ordinal)
            ? name[..^SiteFolder.MetadataSuffix.Length]
            : name;

    private static bool IsOfVersion(string wheel, Release release) =>
        WheelFileName.TryParse(wheel, out var name) && name.IsOf(release);

    private static void RemoveFiles(string path, Func<string, bool> isOurs)
    {
        if (!IsFolder(path)) return;
        foreach (var file in Directory.EnumerateFiles(path))
        {
            var name = Path.GetFileName(file);
            if (isOurs(name) || Leftovers.Is(name)) File.Delete(file);
        }
    }

    private void RemoveFolder(string path)
    {
        var info = new DirectoryInfo(path);
        if (info.LinkTarget is not null)
        {
            info.Delete();
            return;
        }

        if (!info.Exists) return;
        if (info.EnumerateFileSystemInfos().Any()) NotEmpty(logger, path);
        else info.Delete();
    }

    private static bool IsFolder(string path) => new DirectoryInfo(path) is { Exists: true, LinkTarget: null };

    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "removed {Package}")]
    private static partial void Removed(ILogger logger, PackageName package);

    [LoggerMessage(EventId = 2, Level = LogLevel.Information, Message = "removed {Release}")]
    private static partial void VersionRemoved(ILogger logger, Release release);

    [LoggerMessage(EventId = 3, Level = LogLevel.Warning,
        Message = "left {Folder}: there are files in it that are not ours")]
    private static partial void NotEmpty(ILogger logger, string folder);
}
