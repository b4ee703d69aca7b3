using System.Globalization;
using Piwheels.Cli.Options;
using Piwheels.Core.Database;
using Piwheels.Storage;

namespace Piwheels.Cli.Commands;

/// <summary>`piw prune`: drops the raw rows of old downloads, searches and page hits.</summary>
internal sealed class PruneCommand : PiwCommand
{
    /// <summary>The pause before a moment is sought again when nobody uses the tables.</summary>
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);

    /// <summary>How long such a moment is sought.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly Setting<string> _dsn;
    private readonly Setting<int> _olderThan;
    private readonly Setting<bool> _yes;

    public PruneCommand()
        : base("prune", "prune", "Drops the raw rows of old downloads, searches and page hits; totals stay")
    {
        _dsn = Add(Settings.Database("dsn", "Where the database is", "postgresql:///piwheels", "-d"));
        _olderThan = Add(new Setting<int>(
            "older-than", "How old what goes is, like 24months or 2years", 0, MonthsText.Parse));
        _yes = Add(Settings.Flag("yes", "Do not ask", "-y"));
    }

    protected override async Task<int> RunAsync(CommandContext context)
    {
        var age = _olderThan.In(context.Source);
        if (age == 0) throw new CommandFault("say --older-than, like --older-than 24months", CommandFault.WrongUsage);
        var before = DateOnly.FromDateTime(context.Time.GetUtcNow().UtcDateTime).AddMonths(-age);
        await using var database = new Database(_dsn.In(context.Source));
        await database.CheckVersionAsync(context.Stop);
        var months = await database.GetHitMonthsAsync(before);
        if (months.Count == 0)
        {
            Console.WriteLine($"There is nothing older than {MonthsText.Show(age)}.");
            return 0;
        }

        Show(months);
        if (!_yes.In(context.Source) && !Agrees())
        {
            Console.WriteLine("Nothing was changed.");
            return CommandFault.WrongUsage;
        }

        var dropped = await DropAsync(database, before, context);
        // What somebody else has dropped meanwhile is not ours to tell of
        if (!dropped.SequenceEqual(months)) Show(dropped);
        Console.WriteLine($"Dropped: {Size(dropped)}.");
        return 0;
    }

    private static async Task<IReadOnlyList<HitMonth>> DropAsync(
        Database database, DateOnly before, CommandContext context)
    {
        var end = context.Time.GetUtcNow() + Patience;
        for (var first = true; ; first = false)
        {
            try
            {
                return await database.DropMonthsAsync(before);
            }
            catch (DatabaseException use) when (use.Transient && context.Time.GetUtcNow() < end)
            {
                if (first) Console.WriteLine($"Not yet: {use.Message}. Trying again for some minutes.");
            }

            await Task.Delay(RetryPause, context.Time, context.Stop);
        }
    }

    private static void Show(IReadOnlyList<HitMonth> months)
    {
        foreach (var month in months)
            Console.WriteLine($"{month.Month.ToString("yyyy-MM", CultureInfo.InvariantCulture)} {month.Hits}: {Size([month])}");
    }

    private static string Size(IReadOnlyList<HitMonth> months) => string.Create(
        CultureInfo.InvariantCulture, $"{months.Sum(month => month.Bytes) / 1e6:0.0} MB");

    private static bool Agrees() => Question.IsAgreedTo("Drop these rows? Totals stay.");
}
