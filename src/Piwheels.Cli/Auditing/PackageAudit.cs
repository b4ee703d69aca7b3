using System.Globalization;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Master.Publishing;
using Piwheels.Storage;

namespace Piwheels.Cli.Auditing;

/// <summary>
/// The wheels of each package are there, have the sizes (and on wish the hashes) that the database has, nothing else lies beside
/// them, and both index pages list them. A farm that runs changes all of this meanwhile: what is wrong at the first look is
/// looked at once more. The index of a package whose pages are owed is not judged.
/// </summary>
/// <param name="hashes">Whether to read every wheel.</param>
internal sealed class PackageAudit(Database database, PublishedFolder folder, bool hashes)
{
    private const int PackagesAtATime = 500;

    private readonly SiteFolder _site = folder.Site;

    /// <summary>Packages with a page that does not list what it should.</summary>
    public HashSet<PackageName> Stale { get; } = [];

    /// <summary>Looks at all packages.</summary>
    public async IAsyncEnumerable<Finding> RunAsync(
        AuditProgress progress, Func<PublishedPackage, Task> seen, [EnumeratorCancellation] CancellationToken cancel)
    {
        var after = "";
        while (await database.GetPublishedPackagesAsync(after, PackagesAtATime, cancel) is { Count: > 0 } packages)
        {
            after = packages[^1].Package.Value;
            foreach (var finding in await OfAsync(packages, progress, seen, cancel)) yield return finding;
        }
    }

    /// <summary>Looks at some packages.</summary>
    public async Task<IReadOnlyList<Finding>> OfAsync(
        IReadOnlyList<PublishedPackage> packages, AuditProgress progress, Func<PublishedPackage, Task> seen,
        CancellationToken cancel)
    {
        var suspects = new List<PackageName>();
        var wheels = await WheelsOfAsync(packages, cancel);
        foreach (var package in packages)
        {
            cancel.ThrowIfCancellationRequested();
            await seen(package);
            if (await OfPackageAsync(package, wheels[package.Package], cancel) is { Count: > 0 }) suspects.Add(package.Package);
            progress.Add();
        }

        if (suspects.Count == 0) return [];
        var again = await database.FindPublishedPackagesAsync([.. suspects.Select(static name => name.Value)], cancel);
        wheels = await WheelsOfAsync(again, cancel);
        var findings = new List<Finding>();
        foreach (var package in again)
        {
            var left = await OfPackageAsync(package, wheels[package.Package], cancel);
            if (left.Any(IsOfIndex)) Stale.Add(package.Package);
            findings.AddRange(left);
        }

        return findings;
    }

    /// <summary>Whether writing the package's pages mends it.</summary>
    public static bool IsOfIndex(Finding finding) =>
        Path.GetFileName(finding.Path) is SiteFolder.PageFile or SiteFolder.SimpleJsonFile;

    private async Task<ILookup<PackageName, PublishedWheel>> WheelsOfAsync(
        IReadOnlyList<PublishedPackage> packages, CancellationToken cancel) =>
        (await database.GetPublishedFilesAsync([.. packages.Select(static package => package.Package)], cancel))
        .ToLookup(static wheel => wheel.Package);

    private async Task<List<Finding>> OfPackageAsync(
        PublishedPackage package, IEnumerable<PublishedWheel> wheels, CancellationToken cancel)
    {
        var all = wheels.ToList();
        var findings = new List<Finding>();
        var here = all.Where(static wheel => wheel.Location == FileState.DefaultLocation).ToList();
        foreach (var wheel in here)
        {
            if (await OfWheelAsync(wheel, cancel) is { } finding) findings.Add(finding);
        }

        findings.AddRange(ExtrasOf(package.Package, here));
        if (!package.Owed) findings.AddRange(await OfIndexAsync(package.Package, all));
        return findings;
    }

    private async Task<Finding?> OfWheelAsync(PublishedWheel wheel, CancellationToken cancel)
    {
        if (!SiteFolder.IsFilename(wheel.Filename))
            return new Finding(FindingKind.Broken, $"simple/{wheel.Package}/", "the database has a file without a plain name");
        var file = new FileInfo(_site.FileOf(wheel.Package, wheel.Filename));
        var path = folder.Relative(file.FullName);
        if (!file.Exists) return new Finding(FindingKind.Missing, path);
        // The other name of a wheel
        if (file.LinkTarget is not null) return null;
        if (file.Length != wheel.Size)
            return new Finding(
                FindingKind.Broken, path,
                string.Create(CultureInfo.InvariantCulture, $"it has {file.Length} bytes in the place of {wheel.Size}"));
        if (!hashes) return null;
        await using var content = file.OpenRead();
        var hash = Convert.ToHexStringLower(await SHA256.HashDataAsync(content, cancel));
        return hash == wheel.Hash ? null : new Finding(FindingKind.Broken, path, "its SHA-256 is another one");
    }

    private IEnumerable<Finding> ExtrasOf(PackageName package, IEnumerable<PublishedWheel> wheels)
    {
        var known = new HashSet<string>(StringComparer.Ordinal) { SiteFolder.PageFile, SiteFolder.SimpleJsonFile };
        foreach (var name in wheels.Select(static wheel => wheel.Filename).SelectMany(NamesOf))
        {
            known.Add(name);
            known.Add(name + SiteFolder.MetadataSuffix);
        }

        return PublishedFolder.Entries(_site.SimpleOf(package)).Where(entry => !known.Contains(entry.Name))
            .Select(entry => new Finding(FindingKind.Extra, folder.Relative(entry.FullName)));
    }

    private async Task<IReadOnlyList<Finding>> OfIndexAsync(PackageName package, IReadOnlyList<PublishedWheel> wheels)
    {
        var simple = _site.SimpleOf(package);
        var (json, html) = (Path.Combine(simple, SiteFolder.SimpleJsonFile), Path.Combine(simple, SiteFolder.PageFile));
        // Whether they are there is for the audit of pages to say
        if (!PublishedFolder.IsFile(json) || !PublishedFolder.IsFile(html)) return [];
        var page = json;
        try
        {
            var listed = ListedFiles.OfJson(json);
            page = html;
            var inHtml = ListedFiles.OfHtml(html);
            var differs = Differs(listed, wheels.ToDictionary(static w => w.Filename, static w => w.Hash, StringComparer.Ordinal));
            // What is listed is more than wheels, and not all of these: the database tells, in more time
            if (differs is not null) differs = Differs(listed, await ListedAsync(package));
            if (differs is not null) return [new Finding(FindingKind.Broken, folder.Relative(json), differs)];
            return inHtml.SetEquals(listed.Keys)
                ? []
                : [new Finding(FindingKind.Broken, folder.Relative(html), "it does not list what the index in JSON does")];
        }
        catch (FormatException fault)
        {
            return [new Finding(FindingKind.Broken, folder.Relative(page), fault.Message)];
        }
    }

    private async Task<Dictionary<string, string>> ListedAsync(PackageName package)
    {
        var listed = new Dictionary<string, string>(StringComparer.Ordinal);
        if (await database.GetProjectDataAsync(package) is not { } project) return listed;
        foreach (var version in project.Versions)
        {
            foreach (var file in version.Files) listed[file.Filename] = file.FileHash;
        }

        return listed;
    }

    /// <summary>How a page differs from what it should list; null where it does not.</summary>
    private static string? Differs(
        Dictionary<string, (string Hash, bool Ours)> listed, Dictionary<string, string> expected)
    {
        foreach (var (name, hash) in expected)
        {
            if (!listed.TryGetValue(name, out var file)) return $"it does not list {name}";
            if (file.Hash != hash) return $"it has another hash of {name}";
        }

        var aliases = expected.Keys.Select(Armv6Alias.NameFor).OfType<string>().ToHashSet(StringComparer.Ordinal);
        return listed.Where(file => file.Value.Ours && !expected.ContainsKey(file.Key) && !aliases.Contains(file.Key))
            .Select(static file => $"it lists {file.Key}, which the farm does not have").FirstOrDefault();
    }

    private static IEnumerable<string> NamesOf(string filename) =>
        Armv6Alias.NameFor(filename) is { } alias ? [filename, alias] : [filename];
}
