using System.CommandLine;
using Piwheels.Cli.Administration;
using Piwheels.Cli.Options;
using Piwheels.Master;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Cli.Commands;

/// <summary>`piw status`: how a running farm is. Exit code 1 where no master answers, or something is wrong.</summary>
internal sealed class StatusCommand : PiwCommand
{
    private readonly Setting<string> _importQueue;
    private readonly Setting<TimeSpan> _wait;
    private readonly Setting<TimeSpan> _lagMax;
    private readonly Option<bool> _json = new("--json") { Description = "As JSON, for programs" };

    public StatusCommand()
        : base("status", "status", "Tells how a running farm is: health, queue, slaves, figures, how far behind the index, disk")
    {
        _importQueue = Add(Settings.Text("import-queue", "The master's queue for tools", new MasterConfiguration().ImportQueue));
        _wait = Add(Settings.Duration("wait", "How long to wait for the master's answer", TimeSpan.FromSeconds(10)));
        _lagMax = Add(Settings.Duration("lag-max", "How far behind the index is too far", TimeSpan.FromHours(1)));
        Command.Add(_json);
    }

    protected override Task<int> RunAsync(CommandContext context)
    {
        using var master = new ImportQueueLink(_importQueue.In(context.Source), _wait.In(context.Source), context.Time);
        var report = master.Ask(new ImportRequest.Status(), context.Stop) switch
        {
            ImportReply.State(var farm) => new StatusReport(farm, context.Time.GetUtcNow(), _lagMax.In(context.Source)),
            ImportReply.Error(var reason) => throw new CommandFault($"the master does not tell: {reason}"),
            _ => throw new CommandFault("the master answered something else"),
        };
        if (context.Parsed.GetValue(_json)) report.WriteJson(Console.Out);
        else report.WriteText(Console.Out);
        return Task.FromResult(report.Problems.Count == 0 ? 0 : CommandFault.Failed);
    }
}
