using System.CommandLine;
using Piwheels.Cli.Configuration;
using Piwheels.Cli.Options;

namespace Piwheels.Cli.Commands;

/// <summary>`piw config check`: what nobody knows, what no command can use.</summary>
internal sealed class ConfigCheckCommand : PiwCommand
{
    private readonly Option<bool> _json = new("--json") { Description = "As JSON, for programs" };

    public ConfigCheckCommand()
        : base("check", ConfigCommand.Name, "Looks for unknown keys and bad values in configuration files and in the environment")
        => Command.Add(_json);

    protected override Task<int> RunAsync(CommandContext context)
    {
        var files = ConfigurationFiles.Read(Common.ConfigurationFile(context.Parsed));
        var commands = CommandTree.Of(context.Parsed.RootCommandResult.Command).ToList();
        var report = new ConfigurationReport(
            [.. files.All.Select(static file => file.Path)],
            ConfigurationCheck.Run(files, commands),
            [.. commands.SelectMany(command => SettingInForce.Of(command, files)).Where(static setting => setting.IsSaid)]);
        if (context.Parsed.GetValue(_json)) report.WriteJson(Console.Out);
        else report.WriteText(Console.Out);
        return Task.FromResult(report.Problems.Count == 0 ? 0 : CommandFault.Failed);
    }
}
