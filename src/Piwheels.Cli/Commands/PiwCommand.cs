using System.CommandLine;
using Microsoft.Extensions.Logging;
using Piwheels.Cli.Options;
using Piwheels.Cli.Posix;

namespace Piwheels.Cli.Commands;

/// <summary>
/// One command of piw: its options, and what it does. Faults that the user can understand end it with one line on
/// standard error, everything else with the fault's text and, with --verbose or --debug, its stack trace.
/// </summary>
internal abstract class PiwCommand
{
    private readonly List<Setting> _settings = [];

    protected PiwCommand(string name, string section, string description)
    {
        Section = section;
        Command = new Node(this, name, description);
        Common.AddTo(Command);
        Command.Add(_parentsPipe);
        Command.SetAction(RunAsync);
    }

    public Command Command { get; }

    protected CommonOptions Common { get; } = new();

    /// <summary>The section of configuration files that it reads; others may read it too.</summary>
    public string Section { get; }

    /// <summary>What may also stand in files and in the environment.</summary>
    public IReadOnlyList<Setting> OwnSettings => _settings;

    /// <summary>Set for the programs that `piw up` starts: stop when standard input ends, since then it is gone.</summary>
    private readonly Option<bool> _parentsPipe = new("--" + ParentsPipeOption) { Hidden = true };

    public const string ParentsPipeOption = "parents-pipe";

    /// <summary>The least level shown unless --verbose asks for more; commands that show progress themselves log less.</summary>
    protected virtual LogLevel QuietestLevel => LogLevel.Trace;

    protected Setting<T> Add<T>(Setting<T> setting)
    {
        AddSetting(setting);
        return setting;
    }

    protected void AddSetting(Setting setting)
    {
        _settings.Add(setting);
        Command.Add(setting.Option);
    }

    /// <summary>The command as it is called, with the group that it is in: <c>audit queue</c>.</summary>
    public string FullName => Command.Parents.OfType<Command>().FirstOrDefault(parent => parent is not RootCommand) is { } group
        ? $"{group.Name} {Command.Name}"
        : Command.Name;

    /// <summary>Does the work; answers the exit code.</summary>
    protected abstract Task<int> RunAsync(CommandContext context);

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken unused)
    {
        try
        {
            return await RunGuardedAsync(parsed);
        }
        catch (CommandFault fault)
        {
            return Report(parsed, fault, fault.ExitCode);
        }
        catch (OperationCanceledException)
        {
            return CommandFault.Failed;
        }
        catch (Exception fault)
        {
            return Report(parsed, fault, CommandFault.Failed);
        }
    }

    private async Task<int> RunGuardedAsync(ParseResult parsed)
    {
        using var stop = new StopSignals();
        if (parsed.GetValue(_parentsPipe))
        {
            // A session of its own: Ctrl+C is for the one who started it, and who stops it in its turn
            _ = NativeMethods.SetSession();
            stop.AlsoWhenStandardInputEnds();
        }

        var source = new SettingsSource(
            parsed, Section, ConfigurationFiles.Read(Common.ConfigurationFile(parsed)));
        using var loggers = (Common.Log(parsed) with { Quietest = QuietestLevel }).CreateFactory(TimeProvider.System);
        var logger = loggers.CreateLogger($"piw.{FullName.Replace(' ', '_')}");
        foreach (var (file, key) in source.UnknownKeys(SettingsOfSection(parsed))) logger.UnknownKey(file, Section, key);
        return await RunAsync(new CommandContext(parsed, source, loggers, logger, TimeProvider.System, stop.Token));
    }

    private IEnumerable<Setting> SettingsOfSection(ParseResult parsed) =>
        CommandTree.Of(parsed.RootCommandResult.Command)
            .Where(command => command.Section == Section).SelectMany(static command => command.OwnSettings);

    private int Report(ParseResult parsed, Exception fault, int exitCode)
    {
        Console.Error.WriteLine($"piw {FullName}: {fault.Message.ReplaceLineEndings(" ")}");
        if (Common.ShowsFaults(parsed)) Console.Error.WriteLine(fault);
        return exitCode;
    }

    /// <summary>A command that leads back to this.</summary>
    internal sealed class Node(PiwCommand owner, string name, string description) : Command(name, description)
    {
        public PiwCommand Owner => owner;
    }
}

/// <summary>What a running command has at hand.</summary>
internal sealed record CommandContext(
    ParseResult Parsed,
    SettingsSource Source,
    ILoggerFactory Loggers,
    ILogger Logger,
    TimeProvider Time,
    CancellationToken Stop);

internal static partial class CommandLog
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "{file}: nobody knows {key} in [{section}]; passed over")]
    public static partial void UnknownKey(this ILogger logger, string file, string section, string key);
}
