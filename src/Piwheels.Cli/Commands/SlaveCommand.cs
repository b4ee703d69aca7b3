using System.CommandLine;
using Piwheels.Cli.Administration;
using Piwheels.Cli.Options;
using Piwheels.Cli.Posix;
using Piwheels.Messaging.Keys;
using Piwheels.Messaging.Protocols;
using Piwheels.Slave;
using Piwheels.Slave.Checking;
using Piwheels.Slave.Machine;

namespace Piwheels.Cli.Commands;

/// <summary>`piw slave`: builds what a master gives out.</summary>
internal sealed class SlaveCommand : PiwCommand
{
    private static readonly SlaveConfiguration Defaults = new();
    private static readonly TimeSpan UsualIdle = TimeSpan.FromSeconds(7);

    private readonly Setting<string> _master;
    private readonly Setting<TimeSpan> _timeout;
    private readonly Setting<string> _dir;
    private readonly Setting<string> _label;
    private readonly Setting<string> _python;
    private readonly Setting<string> _slaveQueue;
    private readonly Setting<string> _fileQueue;
    private readonly Setting<string> _extraIndexUrl;
    private readonly Setting<TimeSpan> _idleInterval;
    private readonly Setting<TimeSpan> _busyTimeout;
    private readonly Setting<PublicKey?> _masterKey;
    private readonly Setting<string> _keyFile;
    private readonly ContainmentSettings _containment;
    private readonly CheckSettings _checks;
    private readonly Setting<long> _diskMin;
    private readonly Setting<long> _memoryMin;
    private readonly Setting<bool> _oldMaster;
    private readonly Option<bool> _check = new("--check") { Description = "Tell what this machine lacks for it, and how to mend that" };

    public SlaveCommand()
        : base("slave", "slave", "Builds wheels for a master, one after another")
    {
        _master = Add(Settings.Text("master", "The master's host", Defaults.Master, "-m"));
        _timeout = Add(Settings.Duration("timeout", "The longest time for one build", Defaults.Timeout, "-t"));
        _dir = Add(Settings.Text("dir", "Where to build", Defaults.Dir, "-d"));
        _label = Add(Settings.Text("label", "The name that monitors show", Environment.MachineName, "-L"));
        _python = Add(Settings.Text("python", "The Python to build for; the first on PATH unless named", ""));
        _masterKey = Add(new Setting<PublicKey?>(
            "master-key", "The master's public key: connect with keys", null, KeySettings.ParseKey));
        _keyFile = Add(KeySettings.File());
        _slaveQueue = Add(Settings.Text(
            "slave-queue", "The master's queue for slaves, if not port 5555 there, or 5557 with keys", ""));
        _fileQueue = Add(Settings.Text(
            "file-queue", "The master's queue for files, if not port 5556 there, or 5558 with keys", ""));
        _extraIndexUrl = Add(Settings.Text("extra-index-url", "More indexes for pip, separated by blanks", ""));
        _idleInterval = Add(Settings.Duration("idle-interval", "Pause before asking again for work", UsualIdle));
        _busyTimeout = Add(Settings.Duration(
            "busy-timeout", "The longest silence before slave and master give each other up", Defaults.BusyTimeout));
        _containment = new ContainmentSettings(setting => Add(setting));
        _checks = new CheckSettings(setting => Add(setting));
        _diskMin = Add(Settings.Size("disk-min", "Take no build with less disk free", Defaults.Needs.DiskFree));
        _memoryMin = Add(Settings.Size("memory-min", "Take no build with less memory free", Defaults.Needs.MemoryFree));
        _oldMaster = Add(Settings.Flag("old-master", "The master is piwheels' before 0.22, which knows no locations of files"));
        Command.Add(_check);
    }

    protected override async Task<int> RunAsync(CommandContext context)
    {
        var configuration = _checks.Apply(_containment.Apply(ConfigurationIn(context.Source), context.Source), context.Source);
        // Without the other it would connect without keys, which is not what whoever names one means
        if (_keyFile.In(context.Source).Length > 0 && configuration.MasterKey is null)
            throw new CommandFault("--key-file goes with --master-key", CommandFault.WrongUsage);
        if (context.Parsed.GetValue(_check)) return await CheckAsync(configuration, context);
        if (Privileges.IsRoot)
            throw new CommandFault("a slave runs other people's code, so it does not run as root: start it as an ordinary user");
        using var service = ServiceNotification.Open(Environment.GetEnvironmentVariable);
        await using var stopping = context.Stop.Register(service.Stopping);
        await SlaveRunner.RunAsync(
            configuration with { Heartbeat = HeartbeatTo(service) }, context.Loggers, context.Time, context.Stop);
        return 0;
    }

    /// <summary>The first beat says that the slave is up.</summary>
    private static Heartbeat HeartbeatTo(ServiceNotification service)
    {
        var isReady = false;
        return new Heartbeat(service.WatchdogInterval ?? Timeout.InfiniteTimeSpan, () =>
        {
            if (!isReady) service.Ready();
            isReady = true;
            service.Alive();
        });
    }

    private static async Task<int> CheckAsync(SlaveConfiguration configuration, CommandContext context)
    {
        var findings = await SlaveCheck.RunAsync(configuration, context.Time, context.Stop);
        foreach (var line in CheckReport.Of(findings)) Console.WriteLine(line);
        return findings.Any(finding => finding.Grade == CheckGrade.Fatal) ? CommandFault.Failed : 0;
    }

    private SlaveConfiguration ConfigurationIn(SettingsSource source) => new()
    {
        Master = _master.In(source),
        Timeout = _timeout.In(source),
        Dir = _dir.In(source),
        Label = _label.In(source),
        Python = NullIfEmpty(_python.In(source)),
        MasterKey = _masterKey.In(source),
        KeyFile = _keyFile.KeyFileIn(source),
        SlaveQueue = NullIfEmpty(_slaveQueue.In(source)),
        FileQueue = NullIfEmpty(_fileQueue.In(source)),
        ExtraIndexes =
        [
            .. _extraIndexUrl.In(source).Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Settings.ParseUrl),
        ],
        IdleInterval = _idleInterval.In(source),
        BusyTimeout = _busyTimeout.In(source),
        Needs = new MachineNeeds(_diskMin.In(source), _memoryMin.In(source)),
        FileStates = _oldMaster.In(source) ? FileStateForm.WithoutLocation : FileStateForm.WithLocation,
    };

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;
}
