using Microsoft.Extensions.Logging;
using Piwheels.Slave.Python;

namespace Piwheels.Slave;

/// <summary>Whether wheels are imported before they are handed over.</summary>
public enum ImportMode
{
    /// <summary>Where the interpreter can, else not, with a warning.</summary>
    Auto,

    /// <summary>Or nothing is built at all.</summary>
    Always,

    /// <summary>Never.</summary>
    Never,
}

/// <summary>What is asked of a wheel before it is handed over, besides that it is whole and of what was asked for.</summary>
public sealed record WheelChecks
{
    /// <summary>Whether its machine code must be for the platform of its tag.</summary>
    public bool Machine { get; init; } = true;

    /// <summary>Whether it is imported, if it has machine code.</summary>
    public ImportMode Import { get; init; } = ImportMode.Auto;

    /// <summary>How long an import may take, with the installation of what it requires.</summary>
    public TimeSpan ImportTime { get; init; } = TimeSpan.FromSeconds(60);
}

/// <summary>What becomes of these settings with an interpreter.</summary>
internal static partial class ImportChoice
{
    /// <summary>The time for an import; null where there is none. Says it where wheels should be imported and cannot.</summary>
    /// <exception cref="SlaveException">They have to be.</exception>
    public static TimeSpan? Make(WheelChecks checks, PythonFacts python, ILogger logger)
    {
        if (checks.Import == ImportMode.Never) return null;
        if (python.HasVenv) return checks.ImportTime;
        if (checks.Import == ImportMode.Always)
        {
            throw new SlaveException(
                $"wheels are to be imported before they are handed over, and {python.Executable} has no venv "
                + "(apt install python3-venv)");
        }

        LogNoVenv(logger, python.Executable);
        return null;
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "WHEELS ARE NOT IMPORTED BEFORE THEY ARE HANDED OVER: {Python} has no venv (apt install python3-venv)")]
    private static partial void LogNoVenv(ILogger logger, string python);
}
