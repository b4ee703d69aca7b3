using Piwheels.Cli.Options;
using Piwheels.Messaging.Keys;

namespace Piwheels.Cli.Commands;

/// <summary>`piw slave-key make`: a key for the slave of this machine.</summary>
internal sealed class SlaveKeyMakeCommand : PiwCommand
{
    private readonly Setting<string> _file;
    private readonly Setting<string> _label;

    public SlaveKeyMakeCommand()
        : base("make", SlaveKeyCommand.Name, "Makes a key for a slave of this machine, and prints its line for the master's list")
    {
        _file = Add(KeySettings.File());
        _label = Add(Settings.Text("label", "The slave's name in the list", Environment.MachineName, "-L"));
    }

    protected override Task<int> RunAsync(CommandContext context)
    {
        var name = _label.In(context.Source);
        if (!SlaveKeys.IsName(name))
        {
            throw new CommandFault(
                $"--label: a name has at most {SlaveKeys.NameLengthMax} letters, digits, dots, hyphens and underscores",
                CommandFault.WrongUsage);
        }

        var path = _file.KeyFileIn(context.Source);
        MakeFolderOf(path);
        var pair = SecretKeyFile.Make(path, $"the slave {name}");
        Console.WriteLine($"{name} {pair.PublicKey}");
        return Task.FromResult(0);
    }

    private static void MakeFolderOf(string path)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path) ?? "/");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new CommandFault($"{path}: {fault.Message}", CommandFault.Failed, fault);
        }
    }
}
