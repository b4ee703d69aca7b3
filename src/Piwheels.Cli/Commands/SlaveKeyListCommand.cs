using Piwheels.Messaging.Keys;

namespace Piwheels.Cli.Commands;

/// <summary>`piw slave-key list`: who may connect, and with what the master answers.</summary>
internal sealed class SlaveKeyListCommand()
    : KeyListCommand("list", "Shows who may connect, and the master's public key; says what is wrong with the list")
{
    protected override int Run(CommandContext context, KeyFolder folder)
    {
        if (folder.MasterPublicKey is { } own) Console.WriteLine($"# The master's key: {own}");
        try
        {
            foreach (var slave in folder.ReadList().All) Console.WriteLine($"{slave.Name} {slave.Key}");
            return 0;
        }
        catch (KeyException fault)
        {
            foreach (var problem in fault.Problems) Console.Error.WriteLine($"piw {FullName}: {problem}");
            return CommandFault.Failed;
        }
    }
}
