namespace Piwheels.Slave.Checking;

/// <summary>The command that installs programs on this distribution, and what it calls their packages.</summary>
internal sealed class PackageInstaller
{
    private static readonly PackageInstaller Apt = new("apt install", new Dictionary<Tool, string>
    {
        [Tool.Python] = "python3 python3-pip",
        [Tool.Pip] = "python3-pip",
        [Tool.Venv] = "python3-venv",
        [Tool.Compiler] = "build-essential",
        [Tool.Headers] = "python3-dev",
        [Tool.Fortran] = "gfortran",
        [Tool.Rust] = "cargo",
        [Tool.Zmq] = "libzmq5",
    });

    private static readonly PackageInstaller Apk = new("apk add", new Dictionary<Tool, string>
    {
        [Tool.Python] = "python3 py3-pip",
        [Tool.Pip] = "py3-pip",
        [Tool.Venv] = "python3",
        [Tool.Compiler] = "build-base",
        [Tool.Headers] = "python3-dev",
        [Tool.Fortran] = "gfortran",
        [Tool.Rust] = "cargo",
        [Tool.Zmq] = "libzmq",
    });

    private static readonly PackageInstaller Dnf = new("dnf install", new Dictionary<Tool, string>
    {
        [Tool.Python] = "python3 python3-pip",
        [Tool.Pip] = "python3-pip",
        [Tool.Venv] = "python3",
        [Tool.Compiler] = "gcc gcc-c++ make",
        [Tool.Headers] = "python3-devel",
        [Tool.Fortran] = "gcc-gfortran",
        [Tool.Rust] = "cargo",
        [Tool.Zmq] = "zeromq",
    });

    private static readonly PackageInstaller Pacman = new("pacman -S", new Dictionary<Tool, string>
    {
        [Tool.Python] = "python python-pip",
        [Tool.Pip] = "python-pip",
        [Tool.Venv] = "python",
        [Tool.Compiler] = "base-devel",
        [Tool.Headers] = "python",
        [Tool.Fortran] = "gcc-fortran",
        [Tool.Rust] = "rust",
        [Tool.Zmq] = "zeromq",
    });

    private static readonly Dictionary<string, PackageInstaller> ByFamily = new(StringComparer.Ordinal)
    {
        ["debian"] = Apt,
        ["ubuntu"] = Apt,
        ["raspbian"] = Apt,
        ["alpine"] = Apk,
        ["fedora"] = Dnf,
        ["rhel"] = Dnf,
        ["arch"] = Pacman,
    };

    private readonly string _command;
    private readonly Dictionary<Tool, string> _names;

    private PackageInstaller(string command, Dictionary<Tool, string> names)
    {
        _command = command;
        _names = names;
    }

    /// <summary>What a package may be needed for.</summary>
    public enum Tool
    {
        Python,
        Pip,
        Venv,
        Compiler,
        Headers,
        Fortran,
        Rust,
        Bubblewrap,
        Patch,
        PkgConfig,
        CMake,
        Git,
        Zmq,
    }

    /// <summary>The installer of a distribution; apt where none is known.</summary>
    /// <param name="families">Its name and those that it is like, the nearest first (ID and ID_LIKE of os-release(5)).</param>
    public static PackageInstaller Of(IEnumerable<string> families) =>
        families.Select(family => ByFamily.GetValueOrDefault(family)).FirstOrDefault(known => known is not null) ?? Apt;

    /// <summary>The command that installs something, for root's shell.</summary>
    public string Install(Tool tool) => $"{_command} {NameOf(tool)}";

    /// <summary>Most are called the same everywhere.</summary>
    private string NameOf(Tool tool) => _names.GetValueOrDefault(tool) ?? tool switch
    {
        Tool.Bubblewrap => "bubblewrap",
        Tool.Patch => "patch",
        Tool.PkgConfig => "pkg-config",
        Tool.CMake => "cmake",
        Tool.Git => "git",
        _ => throw new ArgumentOutOfRangeException(nameof(tool), tool, null),
    };
}
