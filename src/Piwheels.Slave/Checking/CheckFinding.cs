namespace Piwheels.Slave.Checking;

/// <summary>How much a finding matters.</summary>
public enum CheckGrade
{
    /// <summary>As it should be.</summary>
    Good,

    /// <summary>Some packages will not build, or not as safely.</summary>
    Poor,

    /// <summary>A slave cannot work here.</summary>
    Fatal,
}

/// <summary>One thing that was looked at on a machine which is to be a slave.</summary>
/// <param name="Subject">What was looked at, in a word or two.</param>
/// <param name="Fact">How it is, and what follows from that.</param>
/// <param name="Mending">The command that mends it, for a shell; null when there is nothing to mend, or no command does.</param>
public sealed record CheckFinding(CheckGrade Grade, string Subject, string Fact, string? Mending = null);
