using System.CommandLine;
using Microsoft.Extensions.Logging;
using Piwheels.Cli.Logging;

namespace Piwheels.Cli.Options;

/// <summary>The options that every command has.</summary>
internal sealed class CommonOptions
{
    private readonly Option<string?> _configuration = new("--configuration", "-c")
    {
        Description = "Configuration file to read instead of the usual ones",
        HelpName = "FILE",
    };

    private readonly Option<bool> _quiet = new("--quiet", "-q") { Description = "Log warnings and errors only" };
    private readonly Option<bool> _verbose = new("--verbose", "-v") { Description = "Log more" };

    private readonly Option<string?> _logFile = new("--log-file", "-l")
    {
        Description = "Log to a file instead of standard error",
        HelpName = "FILE",
    };

    private readonly Option<string[]> _debug = new("--debug")
    {
        Description = "Log everything of a task (repeatable; * is a wildcard, e.g. master.slave_driver)",
        HelpName = "TASK",
        AllowMultipleArgumentsPerToken = false,
    };

    public void AddTo(Command command)
    {
        command.Add(_configuration);
        command.Add(_quiet);
        command.Add(_verbose);
        command.Add(_logFile);
        command.Add(_debug);
    }

    public string? ConfigurationFile(ParseResult parsed) => parsed.GetValue(_configuration);

    public LogSetup Log(ParseResult parsed) => new(
        parsed.GetValue(_quiet) ? LogLevel.Warning : parsed.GetValue(_verbose) ? LogLevel.Debug : LogLevel.Information,
        parsed.GetValue(_logFile),
        parsed.GetValue(_debug) ?? []);

    /// <summary>Whether a fault's stack trace is to be shown.</summary>
    public bool ShowsFaults(ParseResult parsed) =>
        parsed.GetValue(_verbose) || parsed.GetValue(_debug) is { Length: > 0 };
}
