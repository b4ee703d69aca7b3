using System.CommandLine;
using Microsoft.Extensions.Logging;
using Piwheels.Cli.Administration;
using Piwheels.Cli.Options;
using Piwheels.Storage;

namespace Piwheels.Cli.Commands;

/// <summary>
/// `piw audit queue`: holds the build queue, which each change keeps up to date, against what a plain query over
/// everything says. Exit code 1 when they differ.
/// </summary>
internal sealed partial class AuditQueueCommand : PiwCommand
{
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(10);

    private readonly Setting<string> _dsn;
    private readonly Setting<int> _limit;
    private readonly Option<bool> _json = new("--json") { Description = "As JSON, for programs" };

    private readonly Option<bool> _fix = new("--fix") { Description = "Repair what is wrong, while the farm goes on" };

    public AuditQueueCommand()
        : base("queue", "audit", "Compares the build queue with all that has to be built")
    {
        _dsn = Add(Settings.Database("dsn", "Where the database is", "postgresql:///piwheels", "-d"));
        _limit = Add(Settings.Number("limit", "Differences shown for each target", 20, 0, 1_000_000));
        Command.Add(_fix);
        Command.Add(_json);
    }

    protected override async Task<int> RunAsync(CommandContext context)
    {
        await using var database = new Database(_dsn.In(context.Source));
        await database.CheckVersionAsync(context.Stop);
        var found = await AuditAsync(database, context);
        if (found.IsClean) return 0;
        if (!context.Parsed.GetValue(_fix)) return CommandFault.Failed;
        await FixAsync(database, found, context);
        return (await AuditAsync(database, context)).IsClean ? 0 : CommandFault.Failed;
    }

    private async Task<QueueAudit> AuditAsync(Database database, CommandContext context)
    {
        // Looks at every version: with all of PyPI that takes minutes, in which something should be heard
        var started = context.Time.GetTimestamp();
        await using var progress = context.Time.CreateTimer(_ => Tell(), null, ProgressInterval, ProgressInterval);
        var audit = await database.AuditQueueAsync(context.Stop);
        if (context.Parsed.GetValue(_json)) Listings.Write(AuditReport.ForPrograms(audit, _limit.In(context.Source)));
        else foreach (var line in AuditReport.Of(audit, _limit.In(context.Source))) Console.WriteLine(line);
        return audit;

        void Tell()
        {
            var elapsed = DurationText.Show(context.Time.GetElapsedTime(started));
            Comparing(context.Logger, elapsed);
        }
    }

    /// <summary>
    /// Release by release, each in a transaction of its own, so that nobody waits for long; each is looked at again by
    /// the database, since what was found may have been built meanwhile.
    /// </summary>
    private static async Task FixAsync(Database database, QueueAudit found, CommandContext context)
    {
        var releases = found.Differences.Select(difference => difference.Release).Distinct().ToList();
        var (repaired, gone, rows) = (0, 0, 0L);
        var told = context.Time.GetTimestamp();
        foreach (var release in releases)
        {
            var wrong = await database.FixQueueAsync(release, context.Stop);
            rows += wrong;
            if (wrong > 0) repaired++;
            else gone++;
            if (context.Time.GetElapsedTime(told) < ProgressInterval) continue;
            told = context.Time.GetTimestamp();
            Repairing(context.Logger, repaired + gone, releases.Count);
        }

        var lengths = await database.FixQueueLengthsAsync(context.Stop);
        foreach (var line in AuditReport.OfRepair(rows, repaired, gone, lengths)) Console.WriteLine(line);
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "comparing, for {Elapsed} now")]
    private static partial void Comparing(ILogger logger, string elapsed);

    [LoggerMessage(EventId = 2, Level = LogLevel.Information, Message = "repaired {Done} of {All} releases")]
    private static partial void Repairing(ILogger logger, int done, int all);
}
