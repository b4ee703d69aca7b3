using System.CommandLine;
using Piwheels.Cli.Follow;
using Piwheels.Cli.Options;
using Piwheels.Cli.Up;
using Piwheels.Core.Database;
using Piwheels.Storage;

namespace Piwheels.Cli.Commands;

/// <summary>`piw follow add`: asks for packages, and limits versions.</summary>
internal sealed class FollowAddCommand : FollowingCommand
{
    private readonly WishOptions _wish;
    private readonly Setting<bool> _allVersions;

    public FollowAddCommand()
        : base("add", "Adds packages to what is followed, or changes the words in which they are asked for")
    {
        _wish = new WishOptions(
            Command,
            "REQUIREMENT",
            "What to follow, like numpy or 'numpy>=2'; what it depends on is followed too",
            "A file of requirements (repeatable)",
            "A file of constraints, which limit the versions of whatever is followed (repeatable)");
        _allVersions = Add(Settings.Flag("all-versions", "Build every version that matches, not the newest alone"));
    }

    protected override async Task<int> RunAsync(CommandContext context, Database database)
    {
        var wish = WishIn(context);
        if (wish.Requirements.Count == 0 && wish.Constraints.Count == 0)
        {
            throw new CommandFault(
                "name what to follow: REQUIREMENT ..., -r FILE or --constraint FILE", CommandFault.WrongUsage);
        }

        var before = await database.GetSelectionAsync();
        var changed = await database.AddRequestsAsync(SelectionOrigin.Follow, wish);
        if (!changed) Console.WriteLine("Nothing changes: all of that is followed already.");
        else foreach (var line in FollowChange.Added(before, wish)) Console.WriteLine(line);
        return 0;
    }

    protected override IEnumerable<string> ArgumentsFor(CommandContext context)
    {
        var wish = WishIn(context);
        return
        [
            $"--all-versions={wish.AllVersions}",
            .. WishOptions.Arguments(wish),
        ];
    }

    private SelectionWish WishIn(CommandContext context) => _wish.In(context, _allVersions.In(context.Source));
}
