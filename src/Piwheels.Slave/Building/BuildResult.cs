using Piwheels.Core.States;

namespace Piwheels.Slave.Building;

/// <summary>How a build ended.</summary>
/// <param name="Status">Whether it made wheels, all of them sound.</param>
/// <param name="Duration">How long pip ran.</param>
/// <param name="Output">What it wrote, and after that what this slave has to say about it.</param>
/// <param name="Files">The wheels, in file name order; none after a failure.</param>
public sealed record BuildResult(bool Status, TimeSpan Duration, string Output, IReadOnlyList<FileState> Files);
