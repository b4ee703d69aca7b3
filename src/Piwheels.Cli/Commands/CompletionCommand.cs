using System.CommandLine;
using Piwheels.Cli.Documentation;

namespace Piwheels.Cli.Commands;

/// <summary>`piw completion`: what a shell needs to complete the commands' words.</summary>
internal sealed class CompletionCommand : PiwCommand
{
    private readonly Argument<string> _shell = new("SHELL") { Description = "bash, zsh or fish" };

    public CompletionCommand()
        : base("completion", "completion", "Prints what a shell reads to complete commands and options")
    {
        _shell.AcceptOnlyFromAmong([.. ShellCompletion.Shells]);
        Command.Add(_shell);
    }

    protected override Task<int> RunAsync(CommandContext context)
    {
        var names = context.Parsed.RootCommandResult.Command.Subcommands.Select(static command => command.Name);
        Console.Write(ShellCompletion.ScriptFor(context.Parsed.GetRequiredValue(_shell), [.. names]));
        return Task.FromResult(0);
    }
}
