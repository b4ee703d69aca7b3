using System.CommandLine;
using Piwheels.Core.Packaging;

namespace Piwheels.Cli.Options;

/// <summary>A package or a version on the command line.</summary>
internal static class NameArgument
{
    public static Argument<string?> Create(string name, string description, bool required = false)
    {
        var argument = new Argument<string?>(name)
        {
            Description = description,
            Arity = required ? ArgumentArity.ExactlyOne : ArgumentArity.ZeroOrOne,
        };
        // An option that nobody knows would else be taken for a name
        argument.Validators.Add(static result =>
        {
            foreach (var token in result.Tokens.Where(token => token.Value.StartsWith('-')))
                result.AddError($"there is no option {token.Value}");
        });
        return argument;
    }

    /// <summary>Package names as somebody typed them, each once.</summary>
    /// <exception cref="CommandFault">One is none.</exception>
    public static List<PackageName> ParseAll(IEnumerable<string> texts) =>
    [
        .. texts.Select(static text => PackageName.TryParse(text, out var name)
            ? name
            : throw new CommandFault($"'{Excerpt.Of(text)}' is not a package name", CommandFault.WrongUsage)).Distinct(),
    ];
}
