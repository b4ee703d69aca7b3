using Piwheels.Core.Packaging;

namespace Piwheels.Core.Database;

/// <summary>What the figures of a history are of.</summary>
public enum HistorySeries
{
    /// <summary>Builds of a day, of the last 60; the labels are <c>good</c> and <c>failed</c>.</summary>
    Builds,

    /// <summary>Downloads of a month, of the last 24, without a label.</summary>
    Downloads,

    /// <summary>Downloads of 30 days by version of Python, e.g. <c>3.11</c>; <c>other</c> is what is none.</summary>
    Pythons,

    /// <summary>Downloads of 30 days by machine, e.g. <c>aarch64</c>; <c>other</c> is what is not known.</summary>
    Machines,
}

/// <summary>A figure of a series.</summary>
/// <param name="Day">The day, or the first of the month; of what is about 30 days, the last of them. In UTC.</param>
/// <param name="Amount">More than zero: what there was none of is left out.</param>
public sealed record HistoryFigure(HistorySeries Series, string Label, DateOnly Day, long Amount);

/// <summary>A build that ended well.</summary>
public sealed record NewBuild(long BuildId, Release Release, Target Target, DateTimeOffset BuiltAt, TimeSpan Duration);
