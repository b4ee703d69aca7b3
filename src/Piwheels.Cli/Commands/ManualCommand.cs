using System.CommandLine;
using System.Text;
using Piwheels.Cli.Documentation;
using Piwheels.Core.Packaging;

namespace Piwheels.Cli.Commands;

/// <summary>`piw man`: the manual's pages, made of what the commands say of themselves.</summary>
internal sealed class ManualCommand : PiwCommand
{
    private readonly Argument<string[]> _command = new("COMMAND")
    {
        Description = "The command, like master, or 'follow add'; piw itself unless named",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<string?> _all = new("--all")
    {
        Description = "Write the pages of all commands into a folder, for packages",
        HelpName = "FOLDER",
    };

    public ManualCommand()
        : base("man", "man", "Prints a command's manual page, for man: piw man master | man -l -")
    {
        Command.Add(_command);
        Command.Add(_all);
    }

    protected override Task<int> RunAsync(CommandContext context)
    {
        var root = context.Parsed.RootCommandResult.Command;
        var words = (context.Parsed.GetValue(_command) ?? []).SelectMany(static word => word.Split(' ')).ToList();
        if (context.Parsed.GetValue(_all) is { } folder)
        {
            if (words.Count > 0) throw new CommandFault("--all goes without a command", CommandFault.WrongUsage);
            WriteAll(root, folder);
        }
        else
        {
            Console.Write(ManualPage.Of(Find(root, words)));
        }

        return Task.FromResult(0);
    }

    private static Command Find(Command root, IReadOnlyList<string> words)
    {
        var command = root;
        foreach (var word in words)
        {
            command = command.Subcommands.FirstOrDefault(each => each.Name == word)
                ?? throw new CommandFault($"there is no command '{Excerpt.Of(string.Join(' ', words))}'", CommandFault.WrongUsage);
        }

        return command;
    }

    private static void WriteAll(Command root, string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            foreach (var command in WithAllBelow(root))
            {
                var path = Path.Combine(folder, ManualPage.NameOf(command) + ".1");
                File.WriteAllText(path, ManualPage.Of(command), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
            }
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new CommandFault(fault.Message, CommandFault.Failed, fault);
        }
    }

    private static IEnumerable<Command> WithAllBelow(Command command) =>
        command.Subcommands.SelectMany(WithAllBelow).Prepend(command);
}
