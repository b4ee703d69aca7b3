using System.CommandLine;
using Piwheels.Cli.Auditing;
using Piwheels.Cli.Options;
using Piwheels.Core.Database;
using Piwheels.Storage;

namespace Piwheels.Cli.Commands;

/// <summary>`piw audit`: every package has its pages, and nothing else is there. The group of the other audits too.</summary>
internal sealed class AuditCommand : SiteAuditCommand
{
    private readonly Option<bool> _missing = new("--missing", "-m") { Description = "Look for pages that are not there" };
    private readonly Option<bool> _extra = new("--extra", "-e") { Description = "Look for what nobody knows" };
    private readonly Option<bool> _brokenLinks = new("--broken-symlinks", "-b") { Description = "Look for links that lead nowhere, or elsewhere" };

    private readonly Option<bool> _fix = new("--fix")
    {
        Description = "Have missing pages written by the master, and remove links that lead nowhere",
    };

    public AuditCommand()
        : base("audit", "Checks that every package has its pages and nothing else is there; or something else that the farm keeps")
    {
        foreach (var option in new[] { _missing, _extra, _brokenLinks, _fix }) Command.Add(option);
        AddFiles(FindingKind.Missing, FindingKind.Extra, FindingKind.Broken);
        Command.Add(new AuditQueueCommand().Command);
        Command.Add(new AuditPackagesCommand().Command);
        Command.Add(new AuditLogsCommand().Command);
    }

    protected override async Task AuditAsync(CommandContext context, Database database, PublishedFolder folder, AuditOutput output)
    {
        var wanted = Wanted(context.Parsed);
        var progress = Progress(context, "packages");
        var audit = new PageAudit(database, folder);
        var fixes = context.Parsed.GetValue(_fix);
        var missingPages = 0;
        await foreach (var finding in audit.RunAsync(progress, context.Stop))
        {
            if (!wanted.Contains(finding.Kind)) continue;
            progress.Clear();
            output.Add(finding);
            if (!fixes) continue;
            if (finding.Kind == FindingKind.Broken) RemoveLink(folder, finding, output);
            else if (finding.Kind == FindingKind.Missing && !PageAudit.IsSitePage(finding.Path)) missingPages++;
        }

        if (fixes && wanted.Contains(FindingKind.Missing))
        {
            await OweAsync(database, audit.Incomplete, context);
            for (; missingPages > 0; missingPages--) output.Mended(FindingKind.Missing);
        }

        progress.Clear();
        output.End(progress.Done, "packages");
    }

    private HashSet<FindingKind> Wanted(ParseResult parsed)
    {
        var wanted = new HashSet<FindingKind>();
        if (parsed.GetValue(_missing)) wanted.Add(FindingKind.Missing);
        if (parsed.GetValue(_extra)) wanted.Add(FindingKind.Extra);
        if (parsed.GetValue(_brokenLinks)) wanted.Add(FindingKind.Broken);
        return wanted.Count > 0 ? wanted : [FindingKind.Missing, FindingKind.Extra, FindingKind.Broken];
    }

    private static void RemoveLink(PublishedFolder folder, Finding finding, AuditOutput output)
    {
        var link = new FileInfo(Path.Combine(folder.Site.Root, finding.Path));
        if (link.LinkTarget is null) return;
        link.Delete();
        output.Mended(FindingKind.Broken);
    }
}
