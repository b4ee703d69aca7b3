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
    /// <summary>For the process that takes over from root's, which may not be able to read the files.</summary>
    private const string LimitOption = "limited-to";

    private readonly Argument<string[]> _names = new("REQUIREMENT")
    {
        Description = "What to follow, like numpy or 'numpy>=2'; what it depends on is followed too",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<string[]> _requirements = new("--requirements", "-r")
    {
        Description = "A file of requirements (repeatable)",
        HelpName = "FILE",
        AllowMultipleArgumentsPerToken = false,
    };

    private readonly Option<string[]> _constraints = new("--constraint")
    {
        Description = "A file of constraints, which limit the versions of whatever is followed (repeatable)",
        HelpName = "FILE",
        AllowMultipleArgumentsPerToken = false,
    };

    private readonly Option<string[]> _limits = new("--" + LimitOption) { Hidden = true };
    private readonly Setting<bool> _allVersions;

    public FollowAddCommand()
        : base("add", "Adds packages to what is followed, or changes the words in which they are asked for")
    {
        _names.Validators.Add(static result =>
        {
            foreach (var token in result.Tokens.Where(token => token.Value.StartsWith('-')))
                result.AddError($"there is no option {token.Value}");
        });
        Command.Add(_names);
        Command.Add(_requirements);
        Command.Add(_constraints);
        Command.Add(_limits);
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
            .. wish.Constraints.SelectMany(limit => (string[])["--" + LimitOption, limit.ToString()]),
            .. wish.Requirements.Select(requirement => requirement.ToString()),
        ];
    }

    private SelectionWish WishIn(CommandContext context) => Wanted.Read(
        context.Parsed.GetValue(_names) ?? [],
        context.Parsed.GetValue(_requirements) ?? [],
        context.Parsed.GetValue(_constraints) ?? [],
        context.Parsed.GetValue(_limits) ?? [],
        _allVersions.In(context.Source));
}
