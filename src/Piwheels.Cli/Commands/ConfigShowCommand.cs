using System.CommandLine;
using Piwheels.Cli.Configuration;
using Piwheels.Cli.Options;
using Piwheels.Core.Packaging;

namespace Piwheels.Cli.Commands;

/// <summary>`piw config show`: what is in force for commands, and where it comes from.</summary>
internal sealed class ConfigShowCommand : PiwCommand
{
    private readonly Argument<string[]> _commands = new("COMMAND")
    {
        Description = "The commands, like master, or 'follow add'; all of them unless named",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<bool> _json = new("--json") { Description = "As JSON, for programs" };

    public ConfigShowCommand()
        : base("show", ConfigCommand.Name, "Shows every setting of commands: what is in force, and where it comes from")
    {
        _commands.CompletionSources.Add(context => CommandTree
            .Of(context.ParseResult.RootCommandResult.Command).Select(static command => command.FullName));
        Command.Add(_commands);
        Command.Add(_json);
    }

    protected override Task<int> RunAsync(CommandContext context)
    {
        var files = ConfigurationFiles.Read(Common.ConfigurationFile(context.Parsed));
        var settings = Chosen(context.Parsed).SelectMany(command => SettingInForce.Of(command, files)).ToList();
        if (context.Parsed.GetValue(_json)) SettingInForce.WriteJson(settings, Console.Out);
        else SettingInForce.WriteText(settings, Console.Out);
        return Task.FromResult(0);
    }

    private List<PiwCommand> Chosen(ParseResult parsed)
    {
        var all = CommandTree.Of(parsed.RootCommandResult.Command).ToList();
        if (parsed.GetValue(_commands) is not { Length: > 0 } names) return all;
        return [.. names.Select(name => all.Find(command => command.FullName == name)
            ?? throw new CommandFault($"there is no command '{Excerpt.Of(name)}'", CommandFault.WrongUsage))];
    }
}
