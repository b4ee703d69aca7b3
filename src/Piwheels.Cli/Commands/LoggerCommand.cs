using System.CommandLine;
using Piwheels.Cli.Options;
using Piwheels.Logger;
using Piwheels.Logger.Formats;
using Piwheels.Master;

namespace Piwheels.Cli.Commands;

/// <summary>`piw logger`: tells the master what another web server's log has of downloads, searches and pages.</summary>
internal sealed class LoggerCommand : PiwCommand
{
    private readonly Argument<string[]> _files = new("FILE")
    {
        Description = "Logs to read, packed by gzip or not; standard input where none is named, or as -",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Setting<LogFormat> _format;
    private readonly Setting<bool> _drop;
    private readonly Setting<string> _logQueue;
    private readonly Setting<bool> _follow;
    private readonly Setting<string> _state;

    public LoggerCommand()
        : base("logger", "logger", "Tells the master of downloads, searches and pages in a web server's log")
    {
        Command.Add(_files);
        _format = Add(new Setting<LogFormat>(
            "format", $"The log's format: {string.Join(", ", LogFormat.KnownNames)}, or a LogFormat of Apache",
            LogFormat.Parse("combined"), LogFormat.Parse));
        _drop = Add(Settings.Flag("drop", "Drop what the master does not take at once, and never keep the web server waiting"));
        _logQueue = Add(Settings.Text("log-queue", "The master's queue for accesses", new MasterConfiguration().LogQueue));
        _follow = Add(Settings.Flag("follow", "Go on reading what is added to the files, by their names, over rotations"));
        _state = Add(Settings.Text("state", "A file that keeps how far the logs were read, so that the next start goes on there", ""));
    }

    protected override Task<int> RunAsync(CommandContext context)
    {
        var files = context.Parsed.GetValue(_files) ?? [];
        var state = _state.In(context.Source);
        var follow = _follow.In(context.Source);
        foreach (var option in files.Where(static file => file.StartsWith("--", StringComparison.Ordinal)))
            throw new CommandFault($"there is no option {option}", CommandFault.WrongUsage);
        var readsInput = files.Length == 0 || files.Contains(LoggerConfiguration.StandardInput);
        if (readsInput && follow) throw new CommandFault("--follow is for files: name them", CommandFault.WrongUsage);
        if (readsInput && state.Length > 0) throw new CommandFault("--state is for files: name them", CommandFault.WrongUsage);
        // A packed file that ends before its end is a fault, and not its end
        AppContext.SetSwitch("System.IO.Compression.UseStrictValidation", true);
        var configuration = new LoggerConfiguration
        {
            LogQueue = _logQueue.In(context.Source),
            Format = _format.In(context.Source),
            Files = files,
            Drops = _drop.In(context.Source),
            Follows = follow,
            StateFile = state.Length > 0 ? Path.GetFullPath(state) : null,
        };
        return Task.FromResult(
            LoggerRun.Run(configuration, context.Time, context.Loggers, context.Stop) ? 0 : CommandFault.Failed);
    }
}
