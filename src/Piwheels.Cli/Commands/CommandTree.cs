using System.CommandLine;
using System.CommandLine.Help;

namespace Piwheels.Cli.Commands;

/// <summary>All commands of piw.</summary>
internal static class CommandTree
{
    public static RootCommand Create()
    {
        var root = Root();
        // Forms of other systems
        if (root.Options.OfType<HelpOption>().FirstOrDefault() is { } help)
        {
            foreach (var alias in (string[])["-?", "/?", "/h"]) help.Aliases.Remove(alias);
        }

        return root;
    }

    private static RootCommand Root() =>
        new("A wheel farm: follows a Python package index, builds wheels, publishes them.")
        {
            new UpCommand().Command,
            new DemoCommand().Command,
            new MasterCommand().Command,
            new SlaveCommand().Command,
            new WebCommand().Command,
            new LoggerCommand().Command,
            new StatusCommand().Command,
            new InitDbCommand().Command,
            new TargetCommand().Command,
            new PolicyCommand().Command,
            new RetryCommand().Command,
            new AddCommand().Command,
            new RemoveCommand().Command,
            new RebuildCommand().Command,
            new ImportCommand().Command,
            new PruneCommand().Command,
            new AuditCommand().Command,
            FollowCommand.Create(),
            RecipeCommand.Create(),
            SlaveKeyCommand.Create(),
            ConfigCommand.Create(),
            new CompletionCommand().Command,
            new ManualCommand().Command,
        };

    /// <summary>How a command is called, the program's name first.</summary>
    public static IEnumerable<string> WordsOf(Command command) =>
        command.Parents.OfType<Command>().FirstOrDefault() is { } parent ? WordsOf(parent).Append(command.Name) : ["piw"];

    /// <summary>
    /// Arguments with the name of a command in a group as its words: <c>audit-queue</c>, of a link piw-audit-queue, is <c>audit
    /// queue</c>.
    /// </summary>
    public static IReadOnlyList<string> Spelled(Command root, IReadOnlyList<string> arguments)
    {
        if (arguments.Count == 0) return arguments;
        var words = new List<string>();
        var (command, rest) = (root, arguments[0]);
        while (rest.Length > 0)
        {
            var next = command.Subcommands.FirstOrDefault(each => each.Name == rest) ?? command.Subcommands
                .Where(each => rest.StartsWith(each.Name + "-", StringComparison.Ordinal))
                .MaxBy(static each => each.Name.Length);
            if (next is null) return arguments;
            words.Add(next.Name);
            rest = rest[next.Name.Length..].TrimStart('-');
            command = next;
        }

        return [.. words, .. arguments.Skip(1)];
    }

    /// <summary>The commands below one, those in groups too.</summary>
    public static IEnumerable<PiwCommand> Of(Command root) => root.Subcommands.SelectMany(
        static command => command is PiwCommand.Node node ? Of(command).Prepend(node.Owner) : Of(command));
}
