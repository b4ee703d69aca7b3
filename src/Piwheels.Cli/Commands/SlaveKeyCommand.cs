using System.CommandLine;
using Piwheels.Cli.Options;
using Piwheels.Messaging.Keys;

namespace Piwheels.Cli.Commands;

/// <summary>`piw slave-key`: keys of slaves, and which of them may connect.</summary>
internal static class SlaveKeyCommand
{
    public const string Name = "slave-key";

    public static Command Create() => new(Name, "Makes keys for slaves, and says which slaves may connect")
    {
        new SlaveKeyMakeCommand().Command,
        new SlaveKeyAddCommand().Command,
        new SlaveKeyRevokeCommand().Command,
        new SlaveKeyListCommand().Command,
    };
}

/// <summary>What the commands have in common that look after a master's list.</summary>
internal abstract class KeyListCommand : PiwCommand
{
    private readonly Setting<string> _folder;

    protected KeyListCommand(string name, string description)
        : base(name, SlaveKeyCommand.Name, description) => _folder = Add(KeySettings.Folder());

    protected sealed override Task<int> RunAsync(CommandContext context)
    {
        var path = _folder.KeyFolderIn(context.Source);
        if (path.Length == 0)
            throw new CommandFault($"name the master's folder by {KeySettings.FolderOption}", CommandFault.WrongUsage);
        return Task.FromResult(Run(context, new KeyFolder(path)));
    }

    /// <summary>Does the work; answers the exit code.</summary>
    protected abstract int Run(CommandContext context, KeyFolder folder);

    protected static string NameOf(string text) => SlaveKeys.IsName(text)
        ? text
        : throw new CommandFault(
            $"a slave's name has at most {SlaveKeys.NameLengthMax} letters, digits, dots, hyphens and underscores",
            CommandFault.WrongUsage);
}
