using System.CommandLine;

namespace Piwheels.Cli.Commands;

/// <summary>`piw audit`: holds what the farm keeps up to date against what it should be.</summary>
internal static class AuditCommand
{
    /// <summary>The group of all audits.</summary>
    public static Command Create() => new("audit", "Checks what the farm keeps, and repairs it on wish")
    {
        new AuditQueueCommand().Command,
    };
}
