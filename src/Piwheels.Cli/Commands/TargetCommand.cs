using System.CommandLine;
using System.Text.RegularExpressions;
using Piwheels.Cli.Options;
using Piwheels.Core.Packaging;
using Piwheels.Storage;

namespace Piwheels.Cli.Commands;

/// <summary>`piw target`: what the farm builds for.</summary>
internal sealed partial class TargetCommand : PiwCommand
{
    private readonly Argument<string> _action = new("ACTION") { Description = "list, add, skip or remove" };

    private readonly Argument<string[]> _target = new("ABI PLATFORM")
    {
        Description = "The target, like cp311 linux_armv7l",
        Arity = new ArgumentArity(0, 2),
    };

    private readonly Option<string> _reason = new("--reason")
    {
        Description = "Why nothing is built for it; an empty reason activates it again",
        DefaultValueFactory = static _ => "skipped by hand",
    };

    private readonly Setting<string> _dsn;

    public TargetCommand()
        : base("target", "target", "Shows and changes what the farm builds for: ABIs on platforms")
    {
        _action.AcceptOnlyFromAmong("list", "add", "skip", "remove");
        Command.Add(_action);
        Command.Add(_target);
        Command.Add(_reason);
        _dsn = Add(Settings.Text("dsn", "Where the database is", "postgresql:///piwheels", "-d"));
    }

    protected override async Task<int> RunAsync(CommandContext context)
    {
        var action = context.Parsed.GetRequiredValue(_action);
        var tags = context.Parsed.GetValue(_target) ?? [];
        var target = action == "list" && tags.Length == 0 ? default : TargetOf(tags);
        await using var database = new Database(_dsn.In(context.Source));
        await database.CheckVersionAsync(context.Stop);
        if (action == "list") return await ListAsync(database);
        if (action == "add")
        {
            Console.WriteLine(await database.AddTargetAsync(target) ? $"Added {target}." : $"{target} is known already.");
        }
        else
        {
            if ((await database.GetTargetsAsync()).All(row => row.Target != target))
                throw new CommandFault($"there is no target {target}; 'piw target list' shows all");
            if (action == "remove") await database.RemoveTargetAsync(target);
            else await database.SkipTargetAsync(target, context.Parsed.GetValue(_reason) ?? "");
            Console.WriteLine(action == "remove" ? $"Removed {target}." : $"Changed {target}.");
        }

        return await SettleAsync(database, target, context) ? 0 : CommandFault.Failed;
    }

    private static async Task<int> ListAsync(Database database)
    {
        var settling = (await database.GetSettlingTargetsAsync()).ToDictionary(row => row.Target);
        foreach (var row in await database.GetTargetsAsync())
        {
            var skipped = row.Skip.Length == 0 ? "" : $": skipped, {row.Skip}";
            var changing = settling.TryGetValue(row.Target, out var change) ? $" (takes effect, {change.Percent} %)" : "";
            Console.WriteLine($"{row.Target}{skipped}{changing}");
        }

        foreach (var gone in settling.Values.Where(row => row.Removed))
            Console.WriteLine($"{gone.Target}: being removed, {gone.Percent} %");
        return 0;
    }

    /// <summary>
    /// Takes steps until the target's change has taken effect everywhere, and shows how far it is. A master does the
    /// same at the same time: the database lets one step be taken after the other, whoever asks. False when interrupted.
    /// </summary>
    private static async Task<bool> SettleAsync(Database database, Target target, CommandContext context)
    {
        var progress = new SettlingProgress(Console.Out, live: !Console.IsOutputRedirected, context.Time);
        try
        {
            while (true)
            {
                var left = await database.SettleTargetsAsync(cancel: context.Stop);
                if (left.FirstOrDefault(row => row.Target == target) is not { } change) break;
                progress.Show(change.Percent);
                await Task.Delay(change.Pause, context.Time, context.Stop);
            }

            progress.End("done");
            return true;
        }
        catch (OperationCanceledException)
        {
            progress.End("interrupted here; a master goes on with it, now or when it starts");
            return false;
        }
    }

    private static Target TargetOf(string[] tags) =>
        tags.Length == 2 && Tag().IsMatch(tags[0]) && Tag().IsMatch(tags[1]) && tags[0] != "none"
            ? new Target(tags[0], tags[1])
            : throw new CommandFault(
                "name the target by its ABI and platform, like cp311 linux_armv7l", CommandFault.WrongUsage);

    /// <summary>A tag as in wheel file names (PEP 425), of the length that the database holds.</summary>
    [GeneratedRegex(@"^[a-z0-9_]{1,100}\z")]
    private static partial Regex Tag();
}
