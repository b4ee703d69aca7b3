using System.Globalization;
using System.Runtime.CompilerServices;
using Piwheels.Master.Publishing;
using Piwheels.Storage;

namespace Piwheels.Cli.Auditing;

/// <summary>
/// Every build has its log, /logs/AAAA/BBBB/CCCC.txt.gz, and nothing else is there. Folder by folder, each of which has room for
/// ten thousand logs, so that memory does not grow with their number. The logs of the last minutes' builds may be on their
/// way, and are not missed.
/// </summary>
internal sealed class LogAudit(Database database, PublishedFolder folder)
{
    private const int LogsInFolder = 10_000;
    private const string Ending = ".txt.gz";

    private readonly SiteFolder _site = folder.Site;

    public async IAsyncEnumerable<Finding> RunAsync(AuditProgress progress, [EnumeratorCancellation] CancellationToken cancel)
    {
        var looked = new HashSet<long>();
        long after = 0;
        while (await database.GetBuildsWithLogsAsync(after, LogsInFolder, cancel) is { Count: > 0 } builds)
        {
            var number = builds[0].BuildId / LogsInFolder;
            var here = builds.TakeWhile(build => build.BuildId / LogsInFolder == number).ToList();
            after = here[^1].BuildId;
            looked.Add(number);
            foreach (var finding in await OfFolderAsync(number, here, cancel)) yield return finding;
            progress.Add(here.Count);
        }

        foreach (var finding in Strangers(looked)) yield return finding;
    }

    /// <summary>Whether a finding is a log by its name, whatever build it may be of.</summary>
    public static bool IsLog(Finding finding) =>
        finding.Path.Split('/') is ["logs", { Length: >= 4 } high, { Length: 4 } low, var name]
        && high.All(char.IsAsciiDigit) && low.All(char.IsAsciiDigit)
        && name.Length == 4 + Ending.Length && name.EndsWith(Ending, StringComparison.Ordinal) && name.Take(4).All(char.IsAsciiDigit);

    private async Task<List<Finding>> OfFolderAsync(
        long number, IReadOnlyList<(long BuildId, bool Recent)> builds, CancellationToken cancel)
    {
        var path = PathOf(number);
        var there = PublishedFolder.Entries(path).Select(static entry => entry.Name).ToHashSet(StringComparer.Ordinal);
        var findings = new List<Finding>();
        foreach (var (build, recent) in builds)
        {
            if (!there.Remove(NameOf(build)) && !recent && !PublishedFolder.IsFile(_site.LogOf(build)))
                findings.Add(new Finding(FindingKind.Missing, folder.Relative(_site.LogOf(build))));
        }

        if (there.Count == 0) return findings;
        // Of builds that came meanwhile
        var now = await database.GetBuildsWithLogsAsync(number * LogsInFolder - 1, LogsInFolder, cancel);
        foreach (var (build, _) in now.Where(build => build.BuildId / LogsInFolder == number)) there.Remove(NameOf(build));
        findings.AddRange(there.Order(StringComparer.Ordinal).Select(name =>
            new Finding(FindingKind.Extra, folder.Relative(Path.Combine(path, name)))));
        return findings;
    }

    /// <summary>What is in folders where no build has its log.</summary>
    private IEnumerable<Finding> Strangers(HashSet<long> looked)
    {
        var paths = looked.Select(PathOf).ToHashSet(StringComparer.Ordinal);
        foreach (var high in PublishedFolder.Entries(_site.Logs))
        {
            if (high is not DirectoryInfo { LinkTarget: null })
            {
                yield return new Finding(FindingKind.Extra, folder.Relative(high.FullName));
                continue;
            }

            foreach (var low in PublishedFolder.Entries(high.FullName).Where(low => !paths.Contains(low.FullName)))
            {
                var logs = low is DirectoryInfo { LinkTarget: null } ? PublishedFolder.Entries(low.FullName) : [low];
                foreach (var log in logs) yield return new Finding(FindingKind.Extra, folder.Relative(log.FullName));
            }
        }
    }

    private string PathOf(long number) => Path.GetDirectoryName(_site.LogOf(number * LogsInFolder))!;

    private static string NameOf(long build) =>
        (build % LogsInFolder).ToString("D4", CultureInfo.InvariantCulture) + Ending;
}
