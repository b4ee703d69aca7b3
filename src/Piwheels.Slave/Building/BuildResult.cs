using Piwheels.Core.Failures;
using Piwheels.Core.States;

namespace Piwheels.Slave.Building;

/// <summary>How a build ended.</summary>
/// <param name="Status">Whether it made wheels, all of them sound.</param>
/// <param name="Duration">How long pip ran.</param>
/// <param name="Output">What it wrote, and after that what this slave has to say about it.</param>
/// <param name="Files">The wheels, in file name order; none after a failure.</param>
public sealed record BuildResult(bool Status, TimeSpan Duration, string Output, IReadOnlyList<FileState> Files)
{
    /// <summary>How its processes ended. A build that failed although they ended well made no sound wheel.</summary>
    public BuildEnding Ending { get; init; } = new BuildEnding.Exited(0);

    /// <summary>Why it failed, where the slave has found that out itself; null: the ending and the output say it.</summary>
    public BuildFailure? Failure { get; init; }

    /// <summary>Where it wanted to connect and was not let, as HOST:PORT; each once, and not more than a few.</summary>
    public IReadOnlyList<string> RefusedHosts { get; init; } = [];
}
