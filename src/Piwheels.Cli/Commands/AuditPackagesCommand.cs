using System.CommandLine;
using Piwheels.Cli.Auditing;
using Piwheels.Cli.Options;
using Piwheels.Master.Publishing;
using Piwheels.Storage;

namespace Piwheels.Cli.Commands;

/// <summary>`piw audit packages`: the index, the files and the database agree.</summary>
internal sealed class AuditPackagesCommand : SiteAuditCommand
{
    /// <summary>What came so lately may belong to something that is under way.</summary>
    private static readonly TimeSpan YoungMax = TimeSpan.FromMinutes(10);

    private readonly Argument<string[]> _packages = new("PACKAGE")
    {
        Description = "The packages; all of them unless named",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<bool> _hashes = new("--hashes") { Description = "Read every wheel, and compare its SHA-256" };

    private readonly Option<bool> _links = new("--ensure-project-symlinks")
    {
        Description = "Make the links of other spellings of packages' names where they are not there",
    };

    private readonly Option<bool> _delete = new("--delete-extras") { Description = "Delete files beside the wheels that nobody knows" };

    private readonly Option<string?> _archive = new("--archive-dir")
    {
        Description = "Move files beside the wheels that nobody knows into this folder, below their package's name",
        HelpName = "FOLDER",
    };

    private readonly Option<bool> _fix = new("--fix") { Description = "Have an index that lists something else written again by the master" };

    public AuditPackagesCommand()
        : base("packages", "Checks that the wheels of packages are there, and that the index lists them")
    {
        Command.Add(_packages);
        foreach (var option in new Option[] { _hashes, _links, _delete, _archive, _fix }) Command.Add(option);
        AddFiles(FindingKind.Missing, FindingKind.Extra, FindingKind.Broken);
    }

    protected override async Task AuditAsync(CommandContext context, Database database, PublishedFolder folder, AuditOutput output)
    {
        var archive = context.Parsed.GetValue(_archive);
        var removes = context.Parsed.GetValue(_delete) || archive is not null;
        var progress = Progress(context, "packages");
        var audit = new PackageAudit(database, folder, context.Parsed.GetValue(_hashes));
        Func<PublishedPackage, Task> seen = context.Parsed.GetValue(_links)
            ? package => EnsureLinksAsync(folder.Site, package)
            : static _ => Task.CompletedTask;
        var staleFindings = new List<Finding>();
        await foreach (var finding in FindingsAsync(context, database, audit, progress, seen))
        {
            progress.Clear();
            output.Add(finding);
            if (PackageAudit.IsOfIndex(finding)) staleFindings.Add(finding);
            if (finding.Kind == FindingKind.Extra && removes && Remove(folder, finding, archive, context.Time)) output.Mended(FindingKind.Extra);
        }

        if (context.Parsed.GetValue(_fix))
        {
            await OweAsync(database, [.. audit.Stale], context);
            foreach (var finding in staleFindings) output.Mended(finding.Kind);
        }

        progress.Clear();
        output.End(progress.Done, "packages");
    }

    private async IAsyncEnumerable<Finding> FindingsAsync(
        CommandContext context, Database database, PackageAudit audit, AuditProgress progress, Func<PublishedPackage, Task> seen)
    {
        if (context.Parsed.GetValue(_packages) is not { Length: > 0 } names)
        {
            await foreach (var finding in audit.RunAsync(progress, seen, context.Stop)) yield return finding;
            yield break;
        }

        var wanted = NameArgument.ParseAll(names);
        var packages = await database.FindPublishedPackagesAsync([.. wanted.Select(static name => name.Value)], context.Stop);
        if (wanted.Except(packages.Select(static package => package.Package)).ToList() is [var unknown, ..])
            throw new CommandFault($"package {unknown} is unknown here, or was removed");
        foreach (var finding in await audit.OfAsync(packages, progress, seen, context.Stop)) yield return finding;
    }

    private static Task EnsureLinksAsync(SiteFolder site, PublishedPackage published)
    {
        var project = site.ProjectOf(published.Package);
        if (!Directory.Exists(project)) return Task.CompletedTask;
        foreach (var alias in published.Aliases.Where(alias => SiteFolder.IsAlias(published.Package, alias)))
        {
            var link = new FileInfo(site.AliasOf(published.Package, alias));
            if (link.LinkTarget is null && !link.Exists && !Directory.Exists(link.FullName))
                new WholeFile(flush: false).WriteLink(link.FullName, published.Package.Value, project);
        }

        return Task.CompletedTask;
    }

    /// <summary>Takes a file or link away; a folder stays.</summary>
    private static bool Remove(PublishedFolder folder, Finding finding, string? archive, TimeProvider time)
    {
        var file = new FileInfo(Path.Combine(folder.Site.Root, finding.Path));
        if (file is { Exists: false, LinkTarget: null } || new DateTimeOffset(file.LastWriteTimeUtc) > time.GetUtcNow() - YoungMax) return false;
        if (archive is null || file.LinkTarget is not null)
        {
            file.Delete();
            return true;
        }

        var place = Path.Combine(archive, file.Directory!.Name);
        Directory.CreateDirectory(place);
        file.MoveTo(Path.Combine(place, file.Name), overwrite: false);
        return true;
    }
}
