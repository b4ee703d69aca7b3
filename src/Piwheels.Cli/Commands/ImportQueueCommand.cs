using Piwheels.Cli.Administration;
using Piwheels.Cli.Options;
using Piwheels.Master;

namespace Piwheels.Cli.Commands;

/// <summary>A command that asks a running master over its import queue, and somebody first whether it shall.</summary>
internal abstract class ImportQueueCommand(string name, string description) : PiwCommand(name, name, description)
{
    protected static readonly MasterConfiguration Defaults = new();

    private readonly Setting<bool> _yes = Settings.Flag("yes", "Do not ask", "-y");

    private readonly Setting<string> _importQueue =
        Settings.Text("import-queue", "The master's queue for tools", Defaults.ImportQueue);

    private readonly Setting<TimeSpan> _wait =
        Settings.Duration("wait", "How long to wait for the master's answer", TimeSpan.FromSeconds(30));

    /// <summary>Called after all that the command has of its own: help lists options in this order.</summary>
    protected void AddMasterSettings()
    {
        Add(_yes);
        Add(_importQueue);
        Add(_wait);
    }

    protected bool IsAgreed(CommandContext context) => _yes.In(context.Source);

    /// <summary>Goes on where that was agreed to beforehand, or is now.</summary>
    /// <exception cref="CommandFault">It is not.</exception>
    protected void CheckAgreed(CommandContext context, string question)
    {
        if (!IsAgreed(context) && !Question.IsAgreedTo(question)) throw Wrong("nothing was changed");
    }

    /// <summary>How long to wait for an answer.</summary>
    protected TimeSpan PatienceIn(CommandContext context) => _wait.In(context.Source);

    protected ImportQueueLink OpenMaster(CommandContext context) =>
        new(_importQueue.In(context.Source), PatienceIn(context), context.Time);

    protected static CommandFault Wrong(string message) => new(message, CommandFault.WrongUsage);
}
