using System.CommandLine;
using Microsoft.Extensions.Logging.Abstractions;
using Piwheels.Cli.Options;
using Piwheels.Cli.Up;
using Piwheels.Core.Database;
using Piwheels.Master;

namespace Piwheels.Cli.Commands;

/// <summary>`piw up`: a whole farm on this machine, without any configuration.</summary>
internal sealed class UpCommand : FarmCommand
{
    private readonly WishOptions _wish;
    private readonly Setting<bool> _allVersions;
    private readonly FollowedNamesSettings _followed;
    private readonly Option<bool> _all = new("--all") { Description = "Follow the whole index; PyPI has 700,000 packages" };
    private readonly Option<bool> _once = new("--once") { Description = "End when all is built; exit code 1 if something failed" };
    private readonly Setting<string> _recipes;
    private readonly Setting<string> _slaveKeys;
    private readonly Setting<int> _slaves;
    private readonly Setting<Uri> _pypi;
    private readonly Setting<TimeSpan> _timeout;
    private readonly Setting<bool> _withoutCompiler;
    private readonly ContainmentSettings _containment;
    private readonly CheckSettings _checks;

    public UpCommand()
        : base(
            "up", "Runs a whole farm on this machine: database, master, slaves and web server", "piwheels",
            WebCommand.DefaultListen)
    {
        _wish = new WishOptions(
            Command,
            "PACKAGE",
            "What to build, like numpy or 'numpy>=2'; what it depends on is built too",
            "A file of requirements to build (repeatable)",
            "A file of constraints, which limit the versions of whatever is built (repeatable)");
        Command.Add(_all);
        Command.Add(_once);
        _allVersions = Add(Settings.Flag("all-versions", "Build every version that matches, not the newest alone"));
        _followed = new FollowedNamesSettings(setting => Add(setting));
        _recipes = Add(RecipeSettings.Folder());
        _slaveKeys = Add(KeySettings.Folder());
        _slaves = Add(Settings.Number("slaves", "How many builds at a time", 1, 1, 256));
        _pypi = Add(Settings.Url("pypi", "The index to follow", "https://pypi.org"));
        _timeout = Add(Settings.Duration("timeout", "The longest time for one build", TimeSpan.FromHours(3), "-t"));
        _withoutCompiler = Add(Settings.Flag(
            "without-compiler", "Go on where there is no C compiler: pure Python packages build without"));
        _containment = new ContainmentSettings(setting => Add(setting));
        _checks = new CheckSettings(setting => Add(setting));
    }

    protected override async Task<int> RunAsync(CommandContext context)
    {
        // Files are read as the one who named them, before the farm's own user takes over
        var wanted = _wish.In(context, _allVersions.In(context.Source));
        var options = OptionsOf(context, wanted);
        if (options.All && (wanted.Requirements.Count > 0 || options.Once))
            throw new CommandFault("--all goes neither with names nor with --once", CommandFault.WrongUsage);
        if (wanted.Requirements.Count == 0 && wanted.Constraints.Count > 0)
            throw new CommandFault("constraints go with names, or with -r", CommandFault.WrongUsage);
        if (wanted.Requirements.Count == 0 && !options.All && !Directory.Exists(Path.Combine(options.Data, DataFolder.ClusterName)))
            throw NothingWanted();
        _ = RecipeSettings.Read(options.Recipes);
        LeaveRoot(context,
        [
            .. FollowedNamesSettings.Arguments(options.FollowOnly, options.FollowNever),
            .. RecipeSettings.Arguments(options.Recipes),
            .. KeySettings.Arguments(options.SlaveKeys),
            .. WishOptions.Arguments(wanted),
        ]);
        // Made, or found wrong, as the one who will read it
        if (options.SlaveKeys.Length > 0) _ = SlaveGate.Open(options.SlaveKeys, NullLogger.Instance);
        return await FarmRun.RunAsync(options, context, OpenView);
    }

    private UpOptions OptionsOf(CommandContext context, SelectionWish wanted) => new()
    {
        Data = DataPath(context),
        Listen = ListenText(context),
        Python = Python(context),
        Pypi = _pypi.In(context.Source),
        Recipes = _recipes.FolderIn(context.Source),
        SlaveKeys = _slaveKeys.KeyFolderIn(context.Source),
        Slaves = _slaves.In(context.Source),
        Wanted = wanted,
        All = context.Parsed.GetValue(_all),
        FollowOnly = _followed.Only(context.Source),
        FollowNever = _followed.Never(context.Source),
        Once = context.Parsed.GetValue(_once),
        BuildTimeout = _timeout.In(context.Source),
        WithoutCompiler = _withoutCompiler.In(context.Source),
        Containment =
        [
            .. _containment.Arguments(context.Source, _slaves.In(context.Source)), .. _checks.Arguments(context.Source),
        ],
    };

    internal static CommandFault NothingWanted() => new(
        "name what to build: 'piw up PACKAGE ...' or 'piw up -r requirements.txt'; "
        + "'--all' follows the whole index, which on PyPI is 700,000 packages and years of building",
        CommandFault.WrongUsage);
}
