namespace Piwheels.Master.Publishing;

/// <summary>
/// Temporary files of a master that was killed while it wrote. Those of a package go when its pages are written, which a
/// killed master still owes; all others at the start, before anything is written.
/// </summary>
internal static class Leftovers
{
    private const string Pattern = SiteFolder.TemporaryPrefix + "*" + SiteFolder.TemporarySuffix;

    // Logs are numbered as they come. As many as may wait to be written lie in two folders, whichever is the last
    private const int LogFoldersMax = 1 + (PassingRequests.RequestsMax + LogsInFolder - 1) / LogsInFolder;
    private const int LogsInFolder = 10_000;

    /// <summary>Whether that is how a temporary file of the site is named.</summary>
    internal static bool Is(string name) =>
        name.StartsWith(SiteFolder.TemporaryPrefix, StringComparison.Ordinal) &&
        name.EndsWith(SiteFolder.TemporarySuffix, StringComparison.Ordinal);

    /// <summary>Removes those of a folder, of which nobody else writes files now.</summary>
    internal static void RemoveFrom(string folder)
    {
        foreach (var left in Directory.EnumerateFileSystemEntries(folder, Pattern)) File.Delete(left);
    }

    /// <summary>Removes those of the site's own folders, and of the logs'.</summary>
    internal static void RemoveFromSite(SiteFolder site, IEnumerable<string> pages)
    {
        var folders = pages.Select(page => Path.GetDirectoryName(site.Page(page))!)
            .Concat([site.Root, site.Simple]).Distinct().Concat(NewestLogFolders(site));
        foreach (var folder in folders.Where(Directory.Exists)) RemoveFrom(folder);
    }

    private static IEnumerable<string> NewestLogFolders(SiteFolder site) => Directory.Exists(site.Logs)
        ? Directory.GetDirectories(site.Logs).OrderDescending(StringComparer.Ordinal).Take(LogFoldersMax)
            .SelectMany(part => Directory.GetDirectories(part).OrderDescending(StringComparer.Ordinal))
            .Take(LogFoldersMax)
        : [];
}
