using System.CommandLine;
using Piwheels.Cli.Commands;
using Piwheels.Cli.Up;
using Piwheels.Core.Database;

namespace Piwheels.Cli.Options;

/// <summary>What somebody asks for, as `piw up` and `piw follow add` take it: names, and files of them.</summary>
internal sealed class WishOptions
{
    private const string LimitOption = "--limited-to";

    private readonly Argument<string[]> _names;
    private readonly Option<string[]> _requirements;
    private readonly Option<string[]> _constraints;

    /// <summary>For the process that takes over from root's, which may not be able to read the files.</summary>
    private readonly Option<string[]> _limits = new(LimitOption) { Hidden = true };

    /// <param name="name">What the help calls a name.</param>
    /// <param name="names">What the names are for, in the help; so the others.</param>
    public WishOptions(Command command, string name, string names, string requirements, string constraints)
    {
        _names = new Argument<string[]>(name) { Description = names, Arity = ArgumentArity.ZeroOrMore };
        _requirements = FileOption(requirements, "--requirements", "-r");
        _constraints = FileOption(constraints, "--constraint");
        // An option that nobody knows would else be taken for one more name
        _names.Validators.Add(static result =>
        {
            foreach (var token in result.Tokens.Where(token => token.Value.StartsWith('-')))
                result.AddError($"there is no option {token.Value}");
        });
        command.Add(_names);
        command.Add(_requirements);
        command.Add(_constraints);
        command.Add(_limits);
    }

    /// <summary>What is asked for. Files are read as the one who named them.</summary>
    /// <exception cref="CommandFault">A line is no requirement, or none for an index; says which.</exception>
    public SelectionWish In(CommandContext context, bool allVersions) => Wanted.Read(
        context.Parsed.GetValue(_names) ?? [],
        context.Parsed.GetValue(_requirements) ?? [],
        context.Parsed.GetValue(_constraints) ?? [],
        context.Parsed.GetValue(_limits) ?? [],
        allVersions);

    /// <summary>The names and options that ask another process for the same, but for all versions.</summary>
    public static IEnumerable<string> Arguments(SelectionWish wish) =>
    [
        .. wish.Constraints.SelectMany(limit => (string[])[LimitOption, limit.ToString()]),
        .. wish.Requirements.Select(requirement => requirement.ToString()),
    ];

    private static Option<string[]> FileOption(string description, string name, params string[] aliases) =>
        new(name, aliases) { Description = description, HelpName = "FILE", AllowMultipleArgumentsPerToken = false };
}
