using System.Runtime.CompilerServices;
using Piwheels.Core.Packaging;
using Piwheels.Master.Publishing;
using Piwheels.Storage;

namespace Piwheels.Cli.Auditing;

/// <summary>
/// Every package has its pages and the links of its other names, the site has its own pages, and nothing else is there. What
/// lies beside the pages in /simple/NAME is the business of <see cref="PackageAudit"/>. Packages whose pages are owed are
/// not judged.
/// </summary>
internal sealed class PageAudit(Database database, PublishedFolder folder)
{
    private const int PackagesAtATime = 5_000;

    private static readonly string[] SitePages =
    [
        "index.html", "packages.html", "packages.json", "faq.html", "json.html", "stats.html", "404.html",
        "simple/index.html", "simple/index.v1_json",
    ];

    private readonly HashSet<string> _packages = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _aliases = new(StringComparer.Ordinal);
    private readonly SiteFolder _site = folder.Site;

    /// <summary>Packages of which something is missing.</summary>
    public List<PackageName> Incomplete { get; } = [];

    /// <summary>Whether a page is no package's: nobody can owe it, but 'piw rebuild' has it written.</summary>
    public static bool IsSitePage(string path) => SitePages.Contains(path);

    /// <summary>What is wrong, as it is found.</summary>
    public async IAsyncEnumerable<Finding> RunAsync(
        AuditProgress progress, [EnumeratorCancellation] CancellationToken cancel)
    {
        foreach (var page in SitePages.Where(page => !File.Exists(Path.Combine(_site.Root, page))))
            yield return new Finding(FindingKind.Missing, page);
        var after = "";
        while (await database.GetPublishedPackagesAsync(after, PackagesAtATime, cancel) is { Count: > 0 } packages)
        {
            after = packages[^1].Package.Value;
            var suspects = new List<PublishedPackage>();
            foreach (var package in packages)
            {
                Remember(package);
                if (!package.Owed && OfPackage(package).Any()) suspects.Add(package);
                progress.Add();
            }

            // Removed meanwhile, or changed, which has its pages owed
            var names = suspects.Select(static package => package.Package.Value).ToList();
            foreach (var package in await database.FindPublishedPackagesAsync(names, cancel))
            {
                if (package.Owed) continue;
                var findings = OfPackage(package).ToList();
                if (findings.Any(static finding => finding.Kind == FindingKind.Missing)) Incomplete.Add(package.Package);
                foreach (var finding in findings) yield return finding;
            }
        }

        var unknown = Unknown().ToList();
        var known = (await database.FindPublishedPackagesAsync(
                [.. unknown.Select(static each => Path.GetFileName(each.Path))], cancel))
            .SelectMany(static package => package.Aliases.Append(package.Package.Value)).ToHashSet(StringComparer.Ordinal);
        foreach (var finding in unknown.Where(each => !known.Contains(Path.GetFileName(each.Path)))) yield return finding;
    }

    private void Remember(PublishedPackage package)
    {
        _packages.Add(package.Package.Value);
        foreach (var alias in package.Aliases) _aliases[alias] = package.Package.Value;
    }

    private IEnumerable<Finding> OfPackage(PublishedPackage published)
    {
        var package = published.Package;
        var (simple, project, json) = (_site.SimpleOf(package), _site.ProjectOf(package), _site.ProjectJsonOf(package));
        string[] pages =
        [
            Path.Combine(simple, SiteFolder.PageFile), Path.Combine(simple, SiteFolder.SimpleJsonFile),
            Path.Combine(project, SiteFolder.PageFile), Path.Combine(json, "index.json"),
        ];
        foreach (var page in pages.Where(static page => !PublishedFolder.IsFile(page)))
            yield return new Finding(FindingKind.Missing, folder.Relative(page));
        foreach (var path in (string[])[simple, project])
        {
            if (new DirectoryInfo(path).LinkTarget is { } target)
                yield return new Finding(FindingKind.Broken, folder.Relative(path), $"a link to {target} in a package's place");
        }

        foreach (var alias in published.Aliases.Where(alias => SiteFolder.IsAlias(package, alias)))
        {
            var link = new FileInfo(_site.AliasOf(package, alias));
            if (link.LinkTarget == package.Value) continue;
            // A folder in its place stays, and is told of as an extra
            if (link.LinkTarget is { } target)
                yield return new Finding(FindingKind.Broken, folder.Relative(link.FullName), $"a link to {target}");
            else if (!Directory.Exists(link.FullName))
                yield return new Finding(FindingKind.Missing, folder.Relative(link.FullName));
        }

        foreach (var entry in PublishedFolder.Entries(project).Where(static entry => entry.Name is not (SiteFolder.PageFile or "json"))
            .Concat(PublishedFolder.Entries(json).Where(static entry => entry.Name != "index.json")))
            yield return new Finding(FindingKind.Extra, folder.Relative(entry.FullName));
    }

    /// <summary>What stands beside the packages' folders.</summary>
    private IEnumerable<Finding> Unknown()
    {
        foreach (var entry in PublishedFolder.Entries(_site.Simple))
        {
            var isPage = entry.Name is SiteFolder.PageFile or SiteFolder.SimpleJsonFile;
            if (!isPage && !_packages.Contains(entry.Name)) yield return Stranger(entry);
        }

        foreach (var entry in PublishedFolder.Entries(_site.Projects))
        {
            var isLink = entry.LinkTarget is not null;
            if (isLink ? !_aliases.ContainsKey(entry.Name) : !_packages.Contains(entry.Name)) yield return Stranger(entry);
        }
    }

    private Finding Stranger(FileSystemInfo entry)
    {
        var path = folder.Relative(entry.FullName);
        return entry.LinkTarget is { } target && entry.ResolveLinkTarget(returnFinalTarget: true) is not { Exists: true }
            ? new Finding(FindingKind.Broken, path, $"a link to {target}, which is not there")
            : new Finding(FindingKind.Extra, path);
    }
}
