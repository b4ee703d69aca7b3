using System.CommandLine;
using System.Text.RegularExpressions;
using Piwheels.Cli.Administration;
using Piwheels.Core.Packaging;
using Piwheels.Storage;

namespace Piwheels.Cli.Commands;

/// <summary>`piw target`: what the farm builds for.</summary>
internal sealed partial class TargetCommand : FarmDatabaseCommand
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

    private readonly Option<string?> _glibc = new("--glibc")
    {
        Description = "Of a target that is added: the oldest GNU C library of its machines, like 2.36; none for musl",
        HelpName = "VERSION",
    };

    private readonly Option<bool> _json = new("--json") { Description = "Of list: as JSON, for programs" };

    public TargetCommand()
        : base("target", "target", "Shows and changes what the farm builds for: ABIs on platforms")
    {
        _action.AcceptOnlyFromAmong("list", "add", "skip", "remove");
        Command.Add(_action);
        Command.Add(_target);
        Command.Add(_reason);
        Command.Add(_glibc);
        Command.Add(_json);
    }

    protected override Task<int> RunAsync(CommandContext context)
    {
        // What is wrong with the words is told before anything is looked for
        _ = Read(context);
        return base.RunAsync(context);
    }

    protected override async Task<int> RunAsync(CommandContext context, Database database)
    {
        var (action, target, glibc) = Read(context);
        if (action == "list") return await ListAsync(database, context.Parsed.GetValue(_json));
        if (action == "add")
        {
            await AddAsync(database, target, glibc);
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

    protected override IEnumerable<string> ArgumentsFor(CommandContext context) =>
    [
        context.Parsed.GetRequiredValue(_action), .. context.Parsed.GetValue(_target) ?? [],
        $"{_reason.Name}={context.Parsed.GetValue(_reason)}",
        .. context.Parsed.GetValue(_glibc) is { } glibc ? [$"{_glibc.Name}={glibc}"] : Array.Empty<string>(),
        $"{_json.Name}={context.Parsed.GetValue(_json)}",
    ];

    private (string Action, Target Target, Glibc? Glibc) Read(CommandContext context)
    {
        var action = context.Parsed.GetRequiredValue(_action);
        var tags = context.Parsed.GetValue(_target) ?? [];
        var target = action == "list" && tags.Length == 0 ? default : TargetOf(tags);
        return (action, target, GlibcOf(context.Parsed.GetValue(_glibc), action));
    }

    private static async Task AddAsync(Database database, Target target, Glibc? glibc)
    {
        if (await database.AddTargetAsync(target, glibc))
        {
            Console.WriteLine($"Added {target}.");
            return;
        }

        var known = (await database.GetTargetsAsync()).First(row => row.Target == target).Glibc;
        if (glibc is not null && glibc != known)
        {
            var was = known is { } told ? $"C library {told}" : "a C library that nobody has told";
            throw new CommandFault($"{target} is known already, with {was}: remove it and add it again to change that");
        }

        Console.WriteLine($"{target} is known already.");
    }

    private static async Task<int> ListAsync(Database database, bool json)
    {
        var settling = (await database.GetSettlingTargetsAsync()).ToDictionary(row => row.Target);
        var targets = await database.GetTargetsAsync();
        if (json)
        {
            var gone = settling.Values.Where(row => row.Removed)
                .Select(row => new TargetListing(row.Target.Abi, row.Target.Platform, null, "", row.Percent, Removed: true));
            Listings.Write(
            [
                .. targets.Select(row => new TargetListing(
                    row.Target.Abi, row.Target.Platform, row.Glibc?.ToString(), row.Skip,
                    settling.TryGetValue(row.Target, out var change) ? change.Percent : null, Removed: false)),
                .. gone,
            ]);
            return 0;
        }

        foreach (var row in targets)
        {
            var skipped = row.Skip.Length == 0 ? "" : $": skipped, {row.Skip}";
            var changing = settling.TryGetValue(row.Target, out var change) ? $" (takes effect, {change.Percent} %)" : "";
            var glibc = row.Glibc is { } known ? $", glibc {known}" : "";
            Console.WriteLine($"{row.Target}{glibc}{skipped}{changing}");
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

    private static Glibc? GlibcOf(string? text, string action)
    {
        if (text is null) return null;
        if (action != "add") throw new CommandFault("--glibc goes with add", CommandFault.WrongUsage);
        return Glibc.TryParse(text, out var glibc)
            ? glibc
            : throw new CommandFault($"--glibc: '{text}' is neither a version like 2.36 nor none", CommandFault.WrongUsage);
    }

    /// <summary>A tag as in wheel file names (PEP 425), of the length that the database holds.</summary>
    [GeneratedRegex(@"^[a-z0-9_]{1,100}\z")]
    private static partial Regex Tag();
}
