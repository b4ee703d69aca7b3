using System.Globalization;
using Piwheels.Slave.Building;
using Piwheels.Slave.Limits;

namespace Piwheels.Slave.Sandboxing;

/// <summary>
/// Puts commands into a sandbox by bubblewrap (bwrap(1)): namespaces of their own for users, mounts, processes, the
/// network, IPC and the host's name; no rights, and no way to get any; a system that cannot be written to, and of all
/// folders only the build's own. Its first process takes all others with it, and it dies with the slave.
/// </summary>
/// <param name="program">bwrap's path.</param>
/// <param name="python">The interpreter, which runs the relay.</param>
/// <param name="shown">What of the machine is shown, as bwrap's arguments.</param>
/// <param name="options">What not every version of bwrap can do.</param>
internal sealed class BuildSandbox(
    string program, string python, IReadOnlyList<string> shown, IReadOnlyList<string> options)
{
    /// <summary>Where the relay listens, in a network namespace that has nothing else.</summary>
    public const int RelayPort = 3128;

    private const string User = "1000"; // Not root's number: some builds behave differently as root

    /// <summary>Builds that find themselves in a namespace cannot make further ones (bwrap 0.8).</summary>
    public static readonly IReadOnlyList<string> NoNamespacesInside = ["--disable-userns"];

    public static BuildPlace Place => BuildPlace.Sandboxed;

    /// <summary>The command line that runs a command in the sandbox, with its limits.</summary>
    /// <param name="keepsWheels">The command can read the wheels, and not change them.</param>
    public List<string> Command(
        BuildFolder folder, IReadOnlyList<string> command, BuildNetwork network, ResourceLimits limits, bool keepsWheels = false) =>
    [
        program,
        "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
        .. network == BuildNetwork.Full ? (string[])[] : ["--unshare-net"],
        .. options,
        "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--uid", User, "--gid", User, "--hostname", "build",
        "--proc", "/proc",
        "--dev", "/dev", "--bind", folder.SharedMemory, "/dev/shm", "--remount-ro", "/dev",
        "--bind", folder.Temporary, Place.Temporary,
        .. shown, // After /tmp, where an interpreter may be, too
        .. Names(folder, network),
        "--dir", "/build",
        keepsWheels ? "--ro-bind" : "--bind", folder.Wheels, Place.Wheels,
        "--bind", folder.Home, Place.Home,
        "--bind", folder.Work, Place.Work,
        network == BuildNetwork.None ? "--ro-bind" : "--bind", folder.Store, Place.Store,
        "--ro-bind", folder.Slave, Place.Slave,
        .. network == BuildNetwork.Index ? (string[])["--ro-bind", Path.GetDirectoryName(folder.Network)!, "/build/net"] : [],
        "--remount-ro", "/",
        "--chdir", Place.Work,
        "--",
        .. LimitLauncher.Command(limits, tasksOutside: 0, network == BuildNetwork.Index ? Relayed(command) : command),
    ];

    /// <summary>Puts what the sandbox shows in place of the machine's own into the build folder.</summary>
    public static void Furnish(BuildFolder folder)
    {
        Write("passwd", $"root:x:0:0::/:/bin/false\nbuild:x:{User}:{User}:build:{Place.Home}:/bin/sh\n");
        Write("group", $"root:x:0:\nbuild:x:{User}:\n");
        Write("hosts", "127.0.0.1 localhost build\n");
        Write("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n");
        Write("relay.py", Resources.Relay);
        Write("prepare.py", Resources.Prepare);

        void Write(string name, string text) => File.WriteAllText(Path.Combine(folder.Slave, name), text);
    }

    private static IEnumerable<string> Names(BuildFolder folder, BuildNetwork network)
    {
        IEnumerable<string> own = ["passwd", "group"];
        if (network != BuildNetwork.Full) own = own.Concat(["hosts", "nsswitch.conf"]);
        var arguments = own.SelectMany(name => (string[])["--ro-bind", Path.Combine(folder.Slave, name), "/etc/" + name]);
        return network == BuildNetwork.Full ? arguments.Concat(SystemView.NetworkArguments()) : arguments;
    }

    // Without site-packages and the like: it starts in a third of the time
    private List<string> Relayed(IReadOnlyList<string> command) =>
    [
        python, "-I", "-S", $"{Place.Slave}/relay.py", Place.Network,
        RelayPort.ToString(CultureInfo.InvariantCulture), .. command,
    ];
}
