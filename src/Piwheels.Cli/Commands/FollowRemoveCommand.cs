using System.CommandLine;
using Piwheels.Cli.Follow;
using Piwheels.Cli.Options;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Storage;

namespace Piwheels.Cli.Commands;

/// <summary>`piw follow remove`: asks for packages no more, or limits them no more.</summary>
internal sealed class FollowRemoveCommand : FollowingCommand
{
    private readonly Argument<string[]> _names = new("NAME")
    {
        Description = "The packages",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<bool> _constraints = new("--constraints")
    {
        Description = "Remove what limits the versions of these packages, and not the packages",
    };

    public FollowRemoveCommand()
        : base("remove", "Removes packages from what is followed; they stay while others need them")
    {
        Command.Add(_names);
        Command.Add(_constraints);
    }

    protected override async Task<int> RunAsync(CommandContext context, Database database)
    {
        var names = NameArgument.ParseAll(context.Parsed.GetValue(_names) ?? []);
        var before = await database.GetSelectionAsync();
        if (context.Parsed.GetValue(_constraints)) await RemoveConstraintsAsync(database, before, names);
        else await RemoveRequestsAsync(database, before, names);
        return 0;
    }

    protected override IEnumerable<string> ArgumentsFor(CommandContext context) =>
    [
        $"--constraints={context.Parsed.GetValue(_constraints)}", .. context.Parsed.GetValue(_names) ?? [],
    ];

    private static async Task RemoveRequestsAsync(
        Database database, Selection before, IReadOnlyList<PackageName> names)
    {
        if (FollowChange.WhyNotRemoved(before, names) is { } why) throw new CommandFault(why);
        await database.RemoveRequestsAsync(names);
        foreach (var line in FollowChange.Removed(before, await database.GetSelectionAsync(), names))
            Console.WriteLine(line);
    }

    private static async Task RemoveConstraintsAsync(
        Database database, Selection before, IReadOnlyList<PackageName> names)
    {
        foreach (var name in names.Where(name => before.Constraints.All(c => c.Package != name)))
            throw new CommandFault($"nothing limits the versions of {name}; 'piw follow list' shows what is limited");
        await database.RemoveConstraintsAsync(names);
        foreach (var line in FollowChange.Unlimited(before, names)) Console.WriteLine(line);
    }
}
