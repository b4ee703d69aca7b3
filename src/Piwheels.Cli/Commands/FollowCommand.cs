using System.CommandLine;

namespace Piwheels.Cli.Commands;

/// <summary>`piw follow`: shows and changes what a farm follows that does not follow the whole index.</summary>
internal static class FollowCommand
{
    public const string Name = "follow";

    public static Command Create() =>
        new(Name, "Shows and changes what a running farm follows")
        {
            new FollowListCommand().Command,
            new FollowAddCommand().Command,
            new FollowRemoveCommand().Command,
        };
}

/// <summary>What the commands below `piw follow` have in common.</summary>
internal abstract class FollowingCommand(string name, string description)
    : FarmDatabaseCommand(name, FollowCommand.Name, description);
