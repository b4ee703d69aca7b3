using Piwheels.Core.Machine;
using Piwheels.Core.States;
using Piwheels.Slave.Python;

namespace Piwheels.Slave.Machine;

/// <summary>What a slave tells about the machine that it runs on.</summary>
internal static class SlaveMachine
{
    private static readonly MachineFacts Machine = new();

    /// <summary>How the slave introduces itself.</summary>
    public static SlaveHello Introduce(SlaveConfiguration configuration, PythonFacts python)
    {
        var identity = Machine.Identity();
        return new SlaveHello(
            configuration.Timeout,
            configuration.BusyTimeout,
            python.PyVersion,
            python.Abi,
            python.Platform,
            configuration.Label ?? identity.Label,
            identity.OsName,
            identity.OsVersion,
            identity.BoardRevision,
            identity.BoardSerial).Marked;
    }

    /// <summary>The machine's figures; those of the disk are the build folder's.</summary>
    public static SlaveStats Measure(string folder, DateTimeOffset now) => Machine.Stats(now, folder);
}
