using System.CommandLine;
using Piwheels.Messaging.Keys;

namespace Piwheels.Cli.Commands;

/// <summary>`piw slave-key revoke`: cuts a slave off.</summary>
internal sealed class SlaveKeyRevokeCommand : KeyListCommand
{
    private readonly Argument<string> _name = new("NAME") { Description = "The slave, as the list calls it" };

    public SlaveKeyRevokeCommand()
        : base("revoke", "Takes a slave off the master's list; if it is connected, it is cut off within two seconds") =>
        Command.Add(_name);

    protected override int Run(CommandContext context, KeyFolder folder)
    {
        var name = NameOf(context.Parsed.GetRequiredValue(_name));
        if (!folder.Revoke(name)) throw new CommandFault($"{name} is not on the list {folder.ListPath}");
        Console.WriteLine($"{name} may not connect any more. A running master cuts it off within two seconds.");
        return 0;
    }
}
