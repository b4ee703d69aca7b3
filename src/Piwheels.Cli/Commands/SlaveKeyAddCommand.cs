using System.CommandLine;
using Piwheels.Cli.Options;
using Piwheels.Messaging.Keys;

namespace Piwheels.Cli.Commands;

/// <summary>`piw slave-key add`: lets a slave in.</summary>
internal sealed class SlaveKeyAddCommand : KeyListCommand
{
    private readonly Argument<string> _name = new("NAME") { Description = "What to call the slave" };

    private readonly Argument<string> _key = new("KEY")
    {
        Description = "Its public key, as 'piw slave-key make' printed it there; in single quotes",
    };

    public SlaveKeyAddCommand()
        : base("add", "Enters a slave in the master's list, which may then connect")
    {
        Command.Add(_name);
        Command.Add(_key);
    }

    protected override int Run(CommandContext context, KeyFolder folder)
    {
        var name = NameOf(context.Parsed.GetRequiredValue(_name));
        var key = KeyOf(context.Parsed.GetRequiredValue(_key));
        var added = folder.Add(name, key);
        Console.WriteLine(added ? $"{name} may connect." : $"{name} may connect already, with this key.");
        Console.WriteLine(folder.MasterPublicKey is { } own
            ? $"There: piw slave --master HOST --master-key '{own}'"
            : "The master makes its own key at its first start with this folder, and tells it in its log.");
        return 0;
    }

    private static PublicKey KeyOf(string text)
    {
        try
        {
            return KeySettings.ParseKey(text) ?? throw new CommandFault("KEY is empty", CommandFault.WrongUsage);
        }
        catch (FormatException fault)
        {
            throw new CommandFault($"KEY: {fault.Message}", CommandFault.WrongUsage, fault);
        }
    }
}
