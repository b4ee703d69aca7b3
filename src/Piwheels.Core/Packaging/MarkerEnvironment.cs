namespace Piwheels.Core.Packaging;

/// <summary>The variables that environment markers ask for (PEP 508, "Environment markers").</summary>
public sealed record MarkerEnvironment
{
    public required string PythonVersion { get; init; }

    public required string PythonFullVersion { get; init; }

    public string OsName { get; init; } = "posix";

    public string SysPlatform { get; init; } = "linux";

    public string PlatformSystem { get; init; } = "Linux";

    public string PlatformMachine { get; init; } = "";

    public string PlatformRelease { get; init; } = "";

    public string PlatformVersion { get; init; } = "";

    public string PlatformPythonImplementation { get; init; } = "CPython";

    public string ImplementationName { get; init; } = "cpython";

    public required string ImplementationVersion { get; init; }

    /// <summary>The extra that is being looked at; empty for none.</summary>
    public string Extra { get; init; } = "";

    /// <summary>
    /// The environment of an interpreter on a target. What its tags do not tell, as the kernel's version, is empty.
    /// </summary>
    /// <param name="pythonFullVersion">
    /// The interpreter's version in full, where known; otherwise the first of its series, <c>3.11.0</c>.
    /// </param>
    /// <returns>Null where the ABI tag names no interpreter.</returns>
    public static MarkerEnvironment? ForTarget(Target target, string? pythonFullVersion = null)
    {
        if (!InterpreterTag.TryParse(target.Abi, out var python) || python.Minor is not { } minor) return null;
        var isPyPy = python.Implementation is "pp" or "pypy";
        var full = pythonFullVersion ?? $"{python.Major}.{minor}.0";
        var environment = new MarkerEnvironment
        {
            PythonVersion = $"{python.Major}.{minor}",
            PythonFullVersion = full,
            ImplementationName = isPyPy ? "pypy" : "cpython",
            PlatformPythonImplementation = isPyPy ? "PyPy" : "CPython",
            // PyPy's own version is not that of the language, and is told by no tag
            ImplementationVersion = isPyPy ? "" : full,
        };
        return OnPlatform(environment, target.Platform);
    }

    /// <summary>The value of a variable by its name; null where there is none of that name.</summary>
    public string? this[string variable] => variable switch
    {
        "python_version" => PythonVersion,
        "python_full_version" => PythonFullVersion,
        "os_name" => OsName,
        "sys_platform" => SysPlatform,
        "platform_system" => PlatformSystem,
        "platform_machine" => PlatformMachine,
        "platform_release" => PlatformRelease,
        "platform_version" => PlatformVersion,
        "platform_python_implementation" => PlatformPythonImplementation,
        "implementation_name" => ImplementationName,
        "implementation_version" => ImplementationVersion,
        "extra" => Extra,
        _ => null,
    };

    private static MarkerEnvironment OnPlatform(MarkerEnvironment environment, string platform)
    {
        var machine = Machine(platform);
        if (platform.StartsWith("win", StringComparison.Ordinal))
        {
            return environment with
            {
                OsName = "nt",
                SysPlatform = "win32",
                PlatformSystem = "Windows",
                PlatformMachine = machine == "32" ? "x86" : machine.ToUpperInvariant(),
            };
        }

        return platform.StartsWith("macosx_", StringComparison.Ordinal)
            ? environment with { SysPlatform = "darwin", PlatformSystem = "Darwin", PlatformMachine = machine }
            : environment with { PlatformMachine = machine };
    }

    // linux_armv7l, manylinux_2_36_aarch64, manylinux2014_x86_64, macosx_11_0_arm64, win_amd64: the machine is what
    // follows the system and its version; of machines, only x86_64 has an underscore itself
    private static string Machine(string platform)
    {
        const string Intel = "x86_64";
        if (platform.EndsWith(Intel, StringComparison.Ordinal)) return Intel;
        if (platform.StartsWith("win", StringComparison.Ordinal) && !platform.Contains('_')) return platform[3..];
        return platform[(platform.LastIndexOf('_') + 1)..];
    }
}
