using System.CommandLine;
using System.IO.Compression;
using System.Text;
using Piwheels.Cli.Auditing;
using Piwheels.Master.Publishing;
using Piwheels.Storage;

namespace Piwheels.Cli.Commands;

/// <summary>`piw audit logs`: every build has its log, and nothing else is there.</summary>
internal sealed class AuditLogsCommand : SiteAuditCommand
{
    private const int KeptAtATime = 100;

    private readonly Option<bool> _missing = new("--missing", "-m") { Description = "Look for logs that are not there, and for nothing else" };
    private readonly Option<bool> _delete = new("--delete-extras") { Description = "Delete logs that are of no build" };

    private readonly Option<bool> _fix = new("--fix")
    {
        Description = "Write out the logs that an upgrade of piwheels 0.19 or before has kept in the database",
    };

    public AuditLogsCommand()
        : base("logs", "Checks that every build has its log, and that nothing else is there")
    {
        foreach (var option in new[] { _missing, _delete, _fix }) Command.Add(option);
        AddFiles(FindingKind.Missing, FindingKind.Extra);
    }

    protected override async Task AuditAsync(CommandContext context, Database database, PublishedFolder folder, AuditOutput output)
    {
        var (missingAlone, deletes) = (context.Parsed.GetValue(_missing), context.Parsed.GetValue(_delete));
        if (missingAlone && deletes) throw new CommandFault("--missing and --delete-extras exclude each other", CommandFault.WrongUsage);
        if (await database.HasKeptLogsAsync(context.Stop))
        {
            if (context.Parsed.GetValue(_fix)) await WriteKeptAsync(database, folder.Site, context);
            else Console.Error.WriteLine("There are logs of piwheels in the database: --fix writes them out.");
        }

        var progress = Progress(context, "builds");
        await foreach (var finding in new LogAudit(database, folder).RunAsync(progress, context.Stop))
        {
            if (missingAlone && finding.Kind == FindingKind.Extra) continue;
            progress.Clear();
            output.Add(finding);
            if (!deletes || finding.Kind != FindingKind.Extra || !LogAudit.IsLog(finding)) continue;
            File.Delete(Path.Combine(folder.Site.Root, finding.Path));
            output.Mended(FindingKind.Extra);
        }

        progress.Clear();
        output.End(progress.Done, "builds");
    }

    /// <summary>Each is on the disk before it leaves the database; one that is there already stays as it is.</summary>
    private static async Task WriteKeptAsync(Database database, SiteFolder site, CommandContext context)
    {
        var files = new WholeFile(flush: true);
        long written = 0;
        while (await database.HasKeptLogsAsync(context.Stop)
            && await database.GetKeptLogsAsync(KeptAtATime, context.Stop) is { Count: > 0 } logs)
        {
            foreach (var (build, log) in logs)
            {
                var path = site.LogOf(build);
                if (File.Exists(path)) continue;
                site.Ensure(Path.GetDirectoryName(path)!);
                files.Write(path, output =>
                {
                    using var packed = new GZipStream(output, CompressionLevel.Optimal, leaveOpen: true);
                    packed.Write(Encoding.UTF8.GetBytes(log));
                });
                written++;
            }

            await database.RemoveKeptLogsAsync([.. logs.Select(static log => log.BuildId)], context.Stop);
        }

        Console.WriteLine($"Wrote {written} logs out of the database.");
    }
}
