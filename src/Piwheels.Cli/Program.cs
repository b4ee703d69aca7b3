using System.CommandLine;
using Piwheels.Cli.Commands;

namespace Piwheels.Cli;

/// <summary>`piw NAME`, and the same by the name piw-NAME.</summary>
internal static class Program
{
    /// <summary>What the program was given, the command's name first.</summary>
    public static IReadOnlyList<string> Arguments { get; private set; } = [];

    private static async Task<int> Main(string[] arguments)
    {
        var root = new RootCommand("A wheel farm: follows a Python package index, builds wheels, publishes them.");
        foreach (var command in All()) root.Add(command.Command);
        root.Add(AuditCommand.Create());
        root.Add(FollowCommand.Create());
        root.Add(RecipeCommand.Create());
        root.Add(SlaveKeyCommand.Create());
        Arguments = NameOfLink() is { } name ? [name, .. arguments] : arguments;
        var parsed = root.Parse(Arguments);
        var configuration = new InvocationConfiguration
        {
            EnableDefaultExceptionHandler = false,
            // Commands stop in order on their own (see StopSignals), however long that takes
            ProcessTerminationTimeout = null,
        };
        var exitCode = await parsed.InvokeAsync(configuration);
        return parsed.Errors.Count > 0 ? CommandFault.WrongUsage : exitCode;
    }

    private static IEnumerable<PiwCommand> All() =>
    [
        new UpCommand(),
        new DemoCommand(),
        new MasterCommand(),
        new SlaveCommand(),
        new WebCommand(),
        new InitDbCommand(),
        new TargetCommand(),
        new PolicyCommand(),
        new RetryCommand(),
        new AddCommand(),
        new RemoveCommand(),
        new PruneCommand(),
    ];

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
