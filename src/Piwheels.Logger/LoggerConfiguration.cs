using Piwheels.Logger.Formats;

namespace Piwheels.Logger;

/// <summary>What a logger reads, and whom it tells.</summary>
public sealed record LoggerConfiguration
{
    /// <summary>The name of standard input among the files.</summary>
    public const string StandardInput = "-";

    /// <summary>The master's log queue.</summary>
    public required string LogQueue { get; init; }

    public required LogFormat Format { get; init; }

    /// <summary>What is read, one after the other, or all at once where they are followed; standard input where there are none.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    /// <summary>Drop what the master does not take, and never wait for it.</summary>
    public bool Drops { get; init; }

    /// <summary>Go on reading what is added to the files, over rotations.</summary>
    public bool Follows { get; init; }

    /// <summary>Where it is kept how far the files were read; null where a start begins anew.</summary>
    public string? StateFile { get; init; }

    /// <summary>The longest time that a hit waits for others.</summary>
    public TimeSpan FlushInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a logger that can be started again later waits for a master that is not there.</summary>
    public TimeSpan MasterLimit { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How long the last hits are waited for when it is stopped.</summary>
    public TimeSpan StopLimit { get; init; } = TimeSpan.FromSeconds(10);
}
