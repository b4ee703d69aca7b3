using Piwheels.Messaging.Keys;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;
using Piwheels.Slave.Limits;
using Piwheels.Slave.Machine;
using Piwheels.Slave.Sandboxing;

namespace Piwheels.Slave;

/// <summary>What a slave was told: its master, its limits, its places. Defaults are those of a single machine.</summary>
public sealed record SlaveConfiguration
{
    public const int SlavePort = 5555;
    public const int FilePort = 5556;
    public const int KeyedSlavePort = 5557;
    public const int KeyedFilePort = 5558;

    /// <summary>The master's host name or IP address.</summary>
    public string Master { get; init; } = "localhost";

    /// <summary>The slave queue's full address, when it is not tcp://MASTER:5555.</summary>
    public string? SlaveQueue { get; init; }

    /// <summary>The file queue's full address, when it is not tcp://MASTER:5556.</summary>
    public string? FileQueue { get; init; }

    /// <summary>The longest time that a build may take.</summary>
    public TimeSpan Timeout
    {
        get => Limits.WallTime;
        init => Limits = Limits with { WallTime = value };
    }

    /// <summary>What a build may use.</summary>
    public ResourceLimits Limits { get; init; } = new();

    /// <summary>Whether builds run in a sandbox.</summary>
    public SandboxMode Sandbox { get; init; } = SandboxMode.Auto;

    /// <summary>Folders that the sandbox shows besides the system and the interpreter, read-only.</summary>
    public IReadOnlyList<string> SandboxFolders { get; init; } = [];

    /// <summary>What builds in the sandbox may reach.</summary>
    public BuildNetwork BuildNetwork { get; init; } = BuildNetwork.Index;

    /// <summary>Hosts that builds may reach besides those of the indexes: HOST, HOST:PORT or *.DOMAIN.</summary>
    public IReadOnlyList<string> BuildHosts { get; init; } = [];

    /// <summary>How wheels are looked at before they are handed over.</summary>
    public WheelChecks Checks { get; init; } = new();

    /// <summary>The longest silence before slave and master give each other up.</summary>
    public TimeSpan BusyTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>What must be free for a build to be begun.</summary>
    public MachineNeeds Needs { get; init; } = new();

    /// <summary>Where builds get a folder each.</summary>
    public string Dir { get; init; } = Path.GetTempPath();

    /// <summary>What this slave is called in the monitor; the host's name when null.</summary>
    public string? Label { get; init; }

    /// <summary>The interpreter to build with, a path or a name; searched for when null.</summary>
    public string? Python { get; init; }

    /// <summary>Indexes for build requirements, besides the one that the master names.</summary>
    public IReadOnlyList<Uri> ExtraIndexes { get; init; } = [];

    /// <summary>How long to rest when there is nothing to build; between 5 and 10 seconds when null.</summary>
    public TimeSpan? IdleInterval { get; init; }

    /// <summary>How often to say that a build goes on; every 5 to 10 seconds when null.</summary>
    public TimeSpan? BusyInterval { get; init; }

    /// <summary>How files are described; without location to a Python master before 0.22.</summary>
    public FileStateForm FileStates { get; init; } = FileStateForm.WithLocation;

    /// <summary>Who wants to know that this slave is alive; null for nobody.</summary>
    public Heartbeat? Heartbeat { get; init; }

    /// <summary>The master's public key: connect with keys. Null: without.</summary>
    public PublicKey? MasterKey { get; init; }

    /// <summary>The file with this slave's secret key; used with <see cref="MasterKey"/>.</summary>
    public string KeyFile { get; init; } = "";

    /// <summary>The keys to connect with; null where none are wanted.</summary>
    /// <exception cref="KeyException">The file is not there, others may read it, or it is none.</exception>
    internal CurveClientKeys? ReadKeys()
    {
        if (MasterKey is not { } master) return null;
        var own = SecretKeyFile.Read(KeyFile);
        return new CurveClientKeys(master.Text, own.PublicKey, own.SecretKey);
    }

    internal string SlaveAddress => SlaveQueue ?? Tcp(MasterKey is null ? SlavePort : KeyedSlavePort);

    internal string FileAddress => FileQueue ?? Tcp(MasterKey is null ? FilePort : KeyedFilePort);

    // An IPv6 address needs brackets before a port
    private string Tcp(int port) =>
        Master.Contains(':', StringComparison.Ordinal) && Master[0] != '[' ? $"tcp://[{Master}]:{port}" : $"tcp://{Master}:{port}";
}
