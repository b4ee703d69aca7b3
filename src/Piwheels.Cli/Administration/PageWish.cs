using Piwheels.Core.Packaging;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Cli.Administration;

/// <summary>Which pages somebody wants written again.</summary>
/// <param name="Package">As somebody spelled it; null: no package's, or all packages'.</param>
internal sealed record PageWish(RebuildScope Scope, string? Package)
{
    private static readonly (string Word, RebuildScope Scope, string Pages)[] Kinds =
    [
        ("home", RebuildScope.Home, "the home page"),
        ("search", RebuildScope.Search, "the search"),
        ("project", RebuildScope.Project, "the project page"),
        ("index", RebuildScope.Both, "the project page and the simple index"),
    ];

    /// <summary>How the kinds of pages are called on the command line.</summary>
    public static IEnumerable<string> Words => Kinds.Select(static kind => kind.Word);

    /// <summary>Whether it takes hours, and is asked about.</summary>
    public bool IsOfAll => Scope is RebuildScope.Project or RebuildScope.Both && Package is null;

    public string Question => $"Write {Pages} of all packages again?";

    public ImportRequest Request => new ImportRequest.Rebuild(Scope, Package);

    /// <exception cref="CommandFault">That is no kind of page, or goes with no package.</exception>
    public static PageWish Of(string word, string? package)
    {
        var at = Array.FindIndex(Kinds, kind => kind.Word == word);
        if (at < 0) throw Wrong($"'{Excerpt.Of(word)}' is none of {string.Join(", ", Words)}");
        var scope = Kinds[at].Scope;
        if (package is not null && scope is RebuildScope.Home or RebuildScope.Search)
            throw Wrong($"{word} is one for all packages: name none");
        if (package is not null && !PackageName.TryParse(package, out _))
            throw Wrong($"'{Excerpt.Of(package)}' is not a package name");
        return new PageWish(scope, package);
    }

    /// <summary>The master's answer in words. Masters before 0.20 do not say what they have done.</summary>
    /// <exception cref="CommandFault">It was not done, or the answer is none to this.</exception>
    public string Outcome(ImportReply reply) => reply switch
    {
        ImportReply.Done("REBUILD" or null) when IsOfAll =>
            $"Written again, one after the other and behind what changes now: {Pages} of all packages.",
        ImportReply.Done("REBUILD" or null) => $"Written again: {Pages}{(Package is null ? "" : $" of {Name}")}.",
        ImportReply.Error(var reason) => throw new CommandFault(reason),
        _ => throw new CommandFault($"the master answered {reply.Name}, which answers something else"),
    };

    private string Name => PackageName.Canonicalize(Package!);

    private string Pages => Kinds.First(kind => kind.Scope == Scope).Pages;

    private static CommandFault Wrong(string message) => new(message, CommandFault.WrongUsage);
}
