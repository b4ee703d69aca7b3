using System.CommandLine;
using System.CommandLine.Invocation;
using Piwheels.Cli.Commands;

namespace Piwheels.Cli;

/// <summary>`piw NAME`, and the same by the name piw-NAME.</summary>
internal static class Program
{
    /// <summary>What the program was given, the command's name first.</summary>
    public static IReadOnlyList<string> Arguments { get; private set; } = [];

    private static async Task<int> Main(string[] arguments)
    {
        var root = CommandTree.Create();
        Arguments = CommandTree.Spelled(root, NameOfLink() is { } name ? [name, .. arguments] : arguments);
        var parsed = root.Parse(Arguments);
        if (Arguments.Count > 0 && parsed.Action is ParseErrorAction) return RefuseUsage(parsed);
        var configuration = new InvocationConfiguration
        {
            EnableDefaultExceptionHandler = false,
            // Commands stop in order on their own (see StopSignals), however long that takes
            ProcessTerminationTimeout = null,
        };
        var exitCode = await parsed.InvokeAsync(configuration);
        return parsed.Errors.Count > 0 ? CommandFault.WrongUsage : exitCode;
    }

    private static int RefuseUsage(ParseResult parsed)
    {
        var command = string.Join(' ', CommandTree.WordsOf(parsed.CommandResult.Command));
        // The last is the one that says most: before it stands that a command is missing
        var errors = parsed.Errors.Select(static error => error.Message.ReplaceLineEndings(" ").TrimEnd('.'));
        if (parsed.CommandResult.Command.Subcommands.Count > 0) errors = errors.TakeLast(1);
        Console.Error.WriteLine($"{command}: {string.Join("; ", errors)} ('{command} --help' tells more)");
        return CommandFault.WrongUsage;
    }

    /// <summary>The command of a link named piw-NAME that the program was started by; null otherwise.</summary>
    private static string? NameOfLink()
    {
        try
        {
            var commandLine = File.ReadAllText("/proc/self/cmdline");
            var name = Path.GetFileName(commandLine.Split('\0')[0]);
            return name.StartsWith("piw-", StringComparison.Ordinal) ? name["piw-".Length..] : null;
        }
        catch (IOException)
        {
            return null;
        }
    }
}
