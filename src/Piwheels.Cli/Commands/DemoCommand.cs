using Piwheels.Cli.Demo;
using Piwheels.Cli.Options;
using Piwheels.Cli.Posix;

namespace Piwheels.Cli.Commands;

/// <summary>`piw demo`: a farm on this machine, without a network, from index to installed package.</summary>
internal sealed class DemoCommand : FarmCommand
{
    private readonly Setting<bool> _serve;

    public DemoCommand()
        : base(
            "demo", "Shows a farm at work, offline: builds four small packages and installs them with pip",
            "piwheels-demo", WebCommand.DefaultListen)
    {
        _serve = Add(Settings.Flag("serve", "Leave the farm running afterwards, to look at its pages"));
    }

    protected override async Task<int> RunAsync(CommandContext context)
    {
        LeaveRoot(context, []);
        var run = new DemoRun(DataPath(context), ListenText(context), Python(context), context);
        return await run.RunAsync(_serve.In(context.Source), OpenView);
    }
}
