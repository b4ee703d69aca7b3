using System.CommandLine;
using Piwheels.Cli.Follow;
using Piwheels.Storage;

namespace Piwheels.Cli.Commands;

/// <summary>`piw follow list`: what is followed, for whom, and how it stands.</summary>
internal sealed class FollowListCommand : FollowingCommand
{
    private readonly Option<bool> _json = new("--json") { Description = "As JSON, for programs" };

    public FollowListCommand()
        : base("list", "Lists what is followed: who asked for it, the versions chosen, how they stand on each target") =>
        Command.Add(_json);

    protected override async Task<int> RunAsync(CommandContext context, Database database)
    {
        var list = new FollowList(
            await database.GetSelectionAsync(), await database.GetSelectionStatusAsync());
        if (context.Parsed.GetValue(_json)) list.WriteJson(Console.Out);
        else list.WriteText(Console.Out);
        return 0;
    }

    protected override IEnumerable<string> ArgumentsFor(CommandContext context) =>
        [$"--json={context.Parsed.GetValue(_json)}"];
}
