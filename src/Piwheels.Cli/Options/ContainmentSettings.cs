using System.Globalization;
using Piwheels.Core.Units;
using Piwheels.Slave;
using Piwheels.Slave.Limits;
using Piwheels.Slave.Sandboxing;

namespace Piwheels.Cli.Options;

/// <summary>How builds are held, as `piw slave` and `piw up` take it. Texts, so that a farm can hand them on to its slaves.</summary>
internal sealed class ContainmentSettings
{
    private readonly List<Setting<string>> _all = [];
    private readonly Setting<string> _sandbox;
    private readonly Setting<string> _folders;
    private readonly Setting<string> _network;
    private readonly Setting<string> _hosts;
    private readonly Setting<string> _memory;
    private readonly Setting<string> _disk;
    private readonly Setting<string> _fileSize;
    private readonly Setting<string> _output;
    private readonly Setting<string> _processes;
    private readonly Setting<string> _openFiles;
    private readonly Setting<string> _cpuTime;

    /// <param name="add">Makes a setting one of the command's.</param>
    public ContainmentSettings(Action<Setting<string>> add)
    {
        _sandbox = Make("sandbox", "Build in a sandbox: auto (where it works), always (or not at all), never", "auto", Sandbox);
        _folders = Make("sandbox-folders", "More folders for builds to read, separated by blanks", "", Folders);
        _network = Make("build-network", "What builds reach: index, none (all is fetched before), full", "index", Network);
        _hosts = Make("build-hosts", "More hosts for builds: HOST, HOST:PORT, *.DOMAIN, separated by blanks", "", Hosts);
        _memory = Make("build-memory", "Memory of one build, like 4G; three quarters of the machine's unless named", "", BytesText.ParseSize);
        _disk = Make("build-disk", "Disk space of one build", "20G", BytesText.ParseSize);
        _fileSize = Make("build-file-size", "The largest file that a build may write", "8G", BytesText.ParseSize);
        _output = Make("build-output", "How much a build may write to its log", "256M", BytesText.ParseSize);
        _processes = Make("build-processes", "Processes and threads of one build", "1024", Count);
        _openFiles = Make("build-open-files", "Open files of each process of a build", "4096", Count);
        _cpuTime = Make("build-cpu-time", "Processor time of one build; the timeout on each processor unless named", "", DurationText.Parse);
        _all.ForEach(add);
    }

    /// <summary>A slave's configuration with these settings.</summary>
    public SlaveConfiguration Apply(SlaveConfiguration configuration, SettingsSource source) => configuration with
    {
        Sandbox = Sandbox(_sandbox.In(source)),
        SandboxFolders = Folders(_folders.In(source)),
        BuildNetwork = Network(_network.In(source)),
        BuildHosts = Hosts(_hosts.In(source)),
        Limits = configuration.Limits with
        {
            MemoryBytes = _memory.In(source) is { Length: > 0 } memory ? BytesText.ParseSize(memory) : null,
            FolderBytes = BytesText.ParseSize(_disk.In(source)),
            FileBytes = BytesText.ParseSize(_fileSize.In(source)),
            OutputBytes = BytesText.ParseSize(_output.In(source)),
            Processes = Count(_processes.In(source)),
            OpenFiles = Count(_openFiles.In(source)),
            CpuTime = _cpuTime.In(source) is { Length: > 0 } time ? DurationText.Parse(time) : null,
        },
    };

    /// <summary>The options that give them to slaves that share this machine.</summary>
    /// <param name="slaves">How many do: the memory of a build that nobody named is divided among them.</param>
    public IReadOnlyList<string> Arguments(SettingsSource source, int slaves) =>
    [
        .. _all.Select(setting => (setting.Name, Text: setting.In(source))).Where(each => each.Text.Length > 0)
            .SelectMany(each => (string[])["--" + each.Name, each.Text]),
        .. slaves > 1 && _memory.In(source).Length == 0
            ? (string[])["--" + _memory.Name, BytesText.Show(ResourceLimits.MemoryBytesUnlessNamed / slaves)]
            : [],
    ];

    private Setting<string> Make<T>(string name, string description, string fallback, Func<string, T> parse)
    {
        var setting = new Setting<string>(name, description, fallback, text =>
        {
            _ = parse(text);
            return text;
        });
        _all.Add(setting);
        return setting;
    }

    private static SandboxMode Sandbox(string text) => text.Trim().ToUpperInvariant() switch
    {
        "AUTO" => SandboxMode.Auto,
        "ALWAYS" => SandboxMode.Always,
        "NEVER" => SandboxMode.Never,
        _ => throw new FormatException($"'{text}' is none of auto, always, never"),
    };

    private static BuildNetwork Network(string text) => text.Trim().ToUpperInvariant() switch
    {
        "INDEX" => BuildNetwork.Index,
        "NONE" => BuildNetwork.None,
        "FULL" => BuildNetwork.Full,
        _ => throw new FormatException($"'{text}' is none of index, none, full"),
    };

    private static string[] Hosts(string text) =>
    [
        .. Words(text).Select(host => AllowedHosts.CheckText(host)
            ? host
            : throw new FormatException($"'{host}' is no host; write it like example.org, example.org:8080 or *.example.org")),
    ];

    private static string[] Folders(string text) =>
    [
        .. Words(text).Select(folder => Path.IsPathRooted(folder)
            ? folder
            : throw new FormatException($"'{folder}' is not the full path of a folder")),
    ];

    private static int Count(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is >= 16 and <= 1_000_000
            ? number
            : throw new FormatException($"'{text}' is not a number from 16 to 1000000");

    private static string[] Words(string text) => text.Split([' ', ',', '\n'], StringSplitOptions.RemoveEmptyEntries);
}
