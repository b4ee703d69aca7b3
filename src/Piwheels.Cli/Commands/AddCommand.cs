using System.CommandLine;
using System.Globalization;
using Piwheels.Cli.Administration;
using Piwheels.Cli.Options;
using Piwheels.Core.Packaging;
using Piwheels.Master;

namespace Piwheels.Cli.Commands;

/// <summary>`piw add`: adds or changes packages and versions by hand, and has what waits built first.</summary>
internal sealed class AddCommand : ImportQueueCommand
{
    private static readonly string[] TimeForms =
    [
        "yyyy-MM-dd", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd' 'HH:mmK", "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd' 'HH:mm:ssK",
        "yyyy-MM-dd'T'HH:mm:ss.FFFFFFK", "yyyy-MM-dd' 'HH:mm:ss.FFFFFFK",
    ];

    private readonly Argument<string?> _package = NameArgument.Create(
        "PACKAGE", "The package; with --priority also a requirement, like 'numpy<2'");

    private readonly Argument<string?> _version = NameArgument.Create(
        "VERSION", "The version to add or change; the package itself unless named");

    private readonly Option<string> _skip = new("--skip", "-s")
    {
        Description = "Why it shall not be built",
        HelpName = "REASON",
        DefaultValueFactory = static _ => "",
    };

    private readonly Option<bool> _unskip = new("--unskip") { Description = "Have it built again" };

    private readonly Option<string?> _description = new("--description", "-d")
    {
        Description = "The package's one line; the index's unless given",
        HelpName = "TEXT",
    };

    private readonly Option<string[]> _alias = new("--alias", "-a")
    {
        Description = "Another spelling of the package's name (repeatable)",
        HelpName = "NAME",
        AllowMultipleArgumentsPerToken = false,
    };

    private readonly Option<string?> _released = new("--released", "-r")
    {
        Description = "When the version was released, in UTC; as the index says unless given",
        HelpName = "TIME",
    };

    private readonly Option<bool> _yank = new("--yank") { Description = "Add the version as yanked" };
    private readonly Option<bool> _unyank = new("--unyank") { Description = "Lift the version's yank" };
    private readonly Option<bool> _priority = new("--priority") { Description = "Have it built before what nobody asked for" };

    private readonly Option<bool> _allVersions = new("--all-versions")
    {
        Description = "With --priority: all versions that wait, not the newest alone",
    };

    private readonly Option<string?> _requirements = new("--requirements")
    {
        Description = "All packages of a requirements file, instead of one",
        HelpName = "FILE",
    };

    private readonly Setting<Uri> _pypiJson;

    public AddCommand()
        : base("add", "Adds or changes packages and versions by hand, and has what waits built first")
    {
        Command.Add(_package);
        Command.Add(_version);
        Option[] options =
        [
            _skip, _unskip, _description, _alias, _released, _yank, _unyank, _priority, _allVersions, _requirements,
        ];
        foreach (var option in options) Command.Add(option);
        _pypiJson = Add(Settings.Url("pypi-json", "The index's JSON interface, for what is not given", $"{Defaults.PypiJson}"));
        AddMasterSettings();
    }

    protected override async Task<int> RunAsync(CommandContext context)
    {
        var additions = Wanted(context);
        if (additions.Any(addition => !addition.Priority || addition.Changes)) CheckAgreed(context, QuestionOf(additions));
        using var index = new IndexFacts(_pypiJson.In(context.Source), context.Time, Tell, context.Stop);
        using var master = OpenMaster(context);
        var run = new Additions(
            request => master.Ask(request, context.Stop),
            index,
            question => Agreed(context, question),
            Tell,
            context.Time);
        return IsOfFile(context) ? await AddAllAsync(run, additions) : await AddOneAsync(run, additions[0]);
    }

    private static void Tell(string line) => Console.Error.WriteLine($"piw add: {line}");

    private static async Task<int> AddOneAsync(Additions run, Addition addition)
    {
        var (done, line) = await run.DoAsync(addition);
        if (!done) throw new CommandFault(line);
        Console.WriteLine(line);
        return 0;
    }

    private static async Task<int> AddAllAsync(Additions run, List<Addition> additions)
    {
        var failed = 0;
        foreach (var addition in additions)
        {
            var (done, line) = await run.DoAsync(addition);
            Console.WriteLine(line);
            if (!done) failed++;
        }

        return failed == 0 ? 0 : throw new CommandFault($"{failed} of {additions.Count} could not be done");
    }

    private List<Addition> Wanted(CommandContext context)
    {
        var parsed = context.Parsed;
        var name = parsed.GetValue(_package);
        var file = parsed.GetValue(_requirements);
        if (name is null == file is null) throw Wrong("name a package, or a file by --requirements");
        if (parsed.GetValue(_allVersions) && !parsed.GetValue(_priority))
            throw Wrong("--all-versions goes with --priority");
        var additions = file is null ? [OneOf(context, name!)] : OfFile(context, file);
        foreach (var addition in additions)
        {
            if (addition.Wanted.Url is not null)
                throw new CommandFault($"'{addition.Wanted}' names a URL, but a farm builds what its index has");
        }

        return additions;
    }

    private Addition OneOf(CommandContext context, string name)
    {
        var parsed = context.Parsed;
        if (!Requirement.TryParse(name, out var wanted, out _)) throw Wrong($"'{Excerpt.Of(name)}' is not a package name");
        var addition = new Addition(wanted, parsed.GetValue(_version))
        {
            Skip = parsed.GetValue(_skip) ?? "",
            Unskip = parsed.GetValue(_unskip),
            Description = parsed.GetValue(_description),
            Aliases = parsed.GetValue(_alias) ?? [],
            Released = TimeOf(parsed.GetValue(_released)),
            Yank = parsed.GetValue(_yank),
            Unyank = parsed.GetValue(_unyank),
            Priority = parsed.GetValue(_priority),
            AllVersions = parsed.GetValue(_allVersions),
        };
        Check(addition);
        return addition;
    }

    private static void Check(Addition addition)
    {
        if (addition is { Version: null } and ({ Released: not null } or { Yank: true } or { Unyank: true }))
            throw Wrong("--released, --yank and --unyank are for versions: name one");
        if (addition is { Version: not null, Description: not null })
            throw Wrong("--description is for packages, not for versions");
        if (addition is { Skip.Length: > 0, Unskip: true }) throw Wrong("--skip and --unskip contradict each other");
        if (addition is { Yank: true, Unyank: true }) throw Wrong("--yank and --unyank contradict each other");
        if (addition is { Version: not null, AllVersions: true })
            throw Wrong("--all-versions is for packages: name no version");
        if (addition.Aliases.FirstOrDefault(alias => !IsSpellingOf(alias, addition.Package)) is { } stranger)
            throw Wrong($"--alias: '{Excerpt.Of(stranger)}' is no spelling of {addition.Package}");
        var isName = addition.Wanted is { Specifier.Count: 0, Marker: null, Url: null };
        if (!isName && (!addition.Priority || addition.Version is not null))
            throw Wrong($"'{addition.Wanted}' is more than a name, which goes with --priority and without a version");
    }

    private static bool IsSpellingOf(string alias, PackageName package) =>
        PackageName.TryParse(alias, out var name) && name == package;

    private List<Addition> OfFile(CommandContext context, string path)
    {
        Option[] ofOne = [_skip, _unskip, _description, _alias, _released, _yank, _unyank];
        if (ofOne.FirstOrDefault(option => context.Parsed.GetResult(option) is { Implicit: false }) is { } stranger)
            throw Wrong($"{stranger.Name} goes with one package, not with --requirements");
        if (!RequirementsFile.TryRead(path, out var file, out var problem)) throw new CommandFault(problem);
        var priority = context.Parsed.GetValue(_priority);
        var wanted = file.Requirements.Select(line => Limited(line.Requirement, file.Constraints));
        if (!priority) wanted = wanted.DistinctBy(requirement => requirement.Package);
        var additions = wanted.Select(requirement => new Addition(requirement, null)
        {
            Priority = priority,
            AllVersions = context.Parsed.GetValue(_allVersions),
        }).ToList();
        return additions.Count > 0 ? additions : throw new CommandFault($"{path}: nothing is required there");
    }

    /// <summary>A requirement with the clauses of the constraints (<c>-c</c>) on its package.</summary>
    private static Requirement Limited(Requirement wanted, IReadOnlyList<RequirementLine> constraints)
    {
        var own = constraints.Where(line => line.Requirement.Package == wanted.Package).ToList();
        if (own.Count == 0) return wanted;
        if (own.Find(line => line.Requirement.Marker is not null) is { } marked)
            throw new CommandFault($"{marked.File}:{marked.Line}: a constraint with a marker is not understood");
        var clauses = own.Select(line => line.Requirement.Specifier.ToString()).Prepend(wanted.Specifier.ToString())
            .Where(text => text.Length > 0);
        var marker = wanted.Marker is null ? "" : $" ; {wanted.Marker}";
        return wanted.Url is null ? Requirement.Parse($"{wanted.Name}{string.Join(',', clauses)}{marker}") : wanted;
    }

    private static string QuestionOf(List<Addition> additions) =>
        $"Add or change {(additions.Count == 1 ? additions[0].Subject : $"{additions.Count} packages")}?";

    /// <summary>Whether what is unknown may be added; who says no to the only one wants nothing at all.</summary>
    private bool Agreed(CommandContext context, string question)
    {
        if (IsAgreed(context)) return true;
        if (!Question.CanBeAsked) return false;
        if (Question.IsAgreedTo(question)) return true;
        return IsOfFile(context) ? false : throw Wrong("nothing was changed");
    }

    private bool IsOfFile(CommandContext context) => context.Parsed.GetValue(_requirements) is not null;

    private static DateTimeOffset? TimeOf(string? text)
    {
        if (text is null) return null;
        const DateTimeStyles Utc = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
        return DateTimeOffset.TryParseExact(text, TimeForms, CultureInfo.InvariantCulture, Utc, out var time)
            ? time
            : throw Wrong($"--released: '{text}' is not a time; write it like 2024-01-31 or 2024-01-31T12:30:00Z");
    }
}
