using Microsoft.Extensions.Logging;
using Piwheels.Cli.Options;
using Piwheels.Cli.Posix;
using Piwheels.Master;

namespace Piwheels.Cli.Commands;

/// <summary>`piw master`: the master with all its tasks.</summary>
internal sealed partial class MasterCommand : PiwCommand
{
    /// <summary>Files that may be open from which on nobody has to think of it: enough for two thousand slaves.</summary>
    private const int FilesForMany = 4_096;

    /// <summary>Files, sockets and events that a master has open without any slave, with room to spare.</summary>
    private const int FilesOfItsOwn = 300;

    private static readonly MasterConfiguration Defaults = new();

    private readonly Setting<string> _dsn;
    private readonly Setting<string> _outputPath;
    private readonly Setting<bool> _devMode;
    private readonly Setting<bool> _followSelection;
    private readonly Setting<bool> _followAllVersions;
    private readonly FollowedNamesSettings _names;
    private readonly Setting<string> _recipes;
    private readonly Setting<bool> _recipesForAll;
    private readonly Setting<string> _slaveKeys;
    private readonly Setting<string> _keyedSlaveQueue;
    private readonly Setting<string> _keyedFileQueue;
    private readonly Setting<bool> _strangersMayConnect;
    private readonly Setting<long> _diskMin;
    private readonly Setting<bool> _noFlush;
    private readonly Setting<bool> _flushPages;
    private readonly Setting<bool> _armv6Alias;
    private readonly Setting<int> _oracles;
    private readonly Setting<IReadOnlyList<TimeSpan>> _retryDelays;
    private readonly SiteSettings _site;
    private readonly Setting<Uri> _pypiXmlRpc;
    private readonly Setting<Uri> _pypiSimple;
    private readonly Setting<Uri> _pypiJson;
    private readonly Setting<string> _statusQueue;
    private readonly Setting<string> _controlQueue;
    private readonly Setting<string> _importQueue;
    private readonly Setting<string> _logQueue;
    private readonly Setting<string> _slaveQueue;
    private readonly Setting<string> _fileQueue;
    private readonly Setting<string> _liveQueue;
    private readonly Setting<string> _webQueue;
    private readonly Setting<string> _buildsQueue;
    private readonly Setting<string> _dbQueue;
    private readonly Setting<string> _fsQueue;
    private readonly Setting<string> _statsQueue;

    public MasterCommand()
        : base("master", "master", "Runs the master: follows the index, gives out builds, publishes wheels and pages")
    {
        _dsn = Add(Settings.Database("dsn", "Where the database is", Defaults.Dsn, "-d"));
        _outputPath = Add(Settings.Text("output-path", "The folder to publish", Defaults.OutputPath, "-o"));
        _devMode = Add(Settings.Flag("dev-mode", "Shorter waits, for work on the farm itself"));
        _followSelection = Add(Settings.Flag(
            "follow-selection", "Follow the packages selected in the database instead of the whole index"));
        _followAllVersions = Add(Settings.Flag(
            "follow-all-versions", "Of a selection, build every version that matches what is asked for by name"));
        _names = new FollowedNamesSettings(setting => Add(setting));
        _recipes = Add(RecipeSettings.Folder());
        _recipesForAll = Add(Settings.Flag(
            "recipes-for-all", "Have slaves of piwheels build what has a recipe, without it"));
        _slaveKeys = Add(KeySettings.Folder());
        _strangersMayConnect = Add(Settings.Flag(
            "strangers-may-connect", "Let slaves and importers connect from other machines without keys"));
        _diskMin = Add(Settings.Size(
            "disk-min", "Give out no builds with less free on the disk published from", Defaults.DiskMin));
        _noFlush = Add(Settings.Flag("no-flush", "Do not wait for the disk before a wheel is published"));
        _flushPages = Add(Settings.Flag("flush-pages", "Wait for the disk before a page or log is published"));
        _armv6Alias = Add(Settings.Flag("armv6l-alias", "List wheels for armv7l as wheels for armv6l too"));
        _oracles = Add(Settings.Number("oracles", "Database requests answered at a time", Defaults.Oracles, 1, 64));
        _retryDelays = Add(Settings.Durations(
            "retry-delays", "How long after a failure for a reason that passes to try again, each time", Defaults.RetryDelays));
        _site = new SiteSettings(Defaults, AddSetting);
        _pypiXmlRpc = Add(Settings.Url("pypi-xmlrpc", "The index's XML-RPC interface", $"{Defaults.PypiXmlRpc}"));
        _pypiSimple = Add(Settings.Url("pypi-simple", "The index's simple pages", $"{Defaults.PypiSimple}"));
        _pypiJson = Add(Settings.Url("pypi-json", "The index's JSON interface", $"{Defaults.PypiJson}"));
        _statusQueue = AddQueue("status", "what monitors hear", Defaults.StatusQueue);
        _controlQueue = AddQueue("control", "what monitors say", Defaults.ControlQueue);
        _importQueue = AddQueue("import", "requests of piw-import, -add, -remove and -rebuild", Defaults.ImportQueue);
        _logQueue = AddQueue("log", "accesses to the site", Defaults.LogQueue);
        _slaveQueue = AddQueue("slave", "build slaves", Defaults.SlaveQueue);
        _fileQueue = AddQueue("file", "wheels on their way in", Defaults.FileQueue);
        _keyedSlaveQueue = AddQueue("keyed-slave", "build slaves with keys", Defaults.KeyedSlaveQueue);
        _keyedFileQueue = AddQueue("keyed-file", "wheels of slaves with keys", Defaults.KeyedFileQueue);
        _liveQueue = AddQueue("live", "what running builds print, for piw web; none unless given", Defaults.LiveQueue);
        _webQueue = AddQueue("web", "pages to write", Defaults.WebQueue);
        _buildsQueue = AddQueue("builds", "releases to build", Defaults.BuildsQueue);
        _dbQueue = AddQueue("db", "questions to the database", Defaults.DbQueue);
        _fsQueue = AddQueue("fs", "requests to the files' task", Defaults.FsQueue);
        _statsQueue = AddQueue("stats", "figures for the statistics", Defaults.StatsQueue);
    }

    protected override async Task<int> RunAsync(CommandContext context)
    {
        if (Privileges.IsRoot) throw new CommandFault("the master does not run as root: start it as an ordinary user");
        var configuration = _site.AddTo(ConfigurationOf(context.Source), context.Source);
        var files = OpenFiles.RaiseLimit();
        if (files < FilesForMany) FewFiles(context.Loggers.CreateLogger("master"), files, SlavesFor(files));
        return await MasterProgram.RunAsync(configuration, context.Loggers, context.Time, context.Stop);
    }

    /// <summary>Each has one connection, and a second one while it sends a wheel.</summary>
    private static long SlavesFor(long files) => Math.Max(0, (files - FilesOfItsOwn) / 2);

    [LoggerMessage(EventId = 50, Level = LogLevel.Warning,
        Message = "no more than {Files} files may be open here, which is enough for {Slaves} slaves: raise the hard limit "
            + "(ulimit -Hn, LimitNOFILE of a unit)")]
    private static partial void FewFiles(ILogger logger, long files, long slaves);

    private MasterConfiguration ConfigurationOf(SettingsSource source) => new()
    {
        Dsn = _dsn.In(source),
        OutputPath = Path.GetFullPath(_outputPath.In(source)),
        DevMode = _devMode.In(source),
        FollowSelection = _followSelection.In(source),
        FollowAllVersions = _followAllVersions.In(source),
        FollowOnly = _names.Only(source),
        FollowNever = _names.Never(source),
        Recipes = _recipes.FolderIn(source),
        RecipesForAll = _recipesForAll.In(source),
        SlaveKeys = _slaveKeys.KeyFolderIn(source),
        KeyedSlaveQueue = _keyedSlaveQueue.In(source),
        KeyedFileQueue = _keyedFileQueue.In(source),
        StrangersMayConnect = _strangersMayConnect.In(source),
        DiskMin = _diskMin.In(source),
        FlushWheels = !_noFlush.In(source),
        FlushPages = _flushPages.In(source),
        Armv6Alias = _armv6Alias.In(source),
        Oracles = _oracles.In(source),
        RetryDelays = _retryDelays.In(source),
        PypiXmlRpc = _pypiXmlRpc.In(source),
        PypiSimple = _pypiSimple.In(source),
        PypiJson = _pypiJson.In(source),
        StatusQueue = _statusQueue.In(source),
        ControlQueue = _controlQueue.In(source),
        ImportQueue = _importQueue.In(source),
        LogQueue = _logQueue.In(source),
        SlaveQueue = _slaveQueue.In(source),
        FileQueue = _fileQueue.In(source),
        LiveQueue = _liveQueue.In(source),
        WebQueue = _webQueue.In(source),
        BuildsQueue = _buildsQueue.In(source),
        DbQueue = _dbQueue.In(source),
        FsQueue = _fsQueue.In(source),
        StatsQueue = _statsQueue.In(source),
    };

    private Setting<string> AddQueue(string name, string carries, string fallback) =>
        Add(Settings.Text(name + "-queue", "Address of the queue of " + carries, fallback));
}
