using Piwheels.Core.Database;

namespace Piwheels.Pages;

/// <summary>The first page, and the one of statistics.</summary>
/// <param name="Statistics">Null until the database has told them.</param>
/// <param name="At">When they were taken.</param>
public sealed record StatisticsPage(Site Site, FarmStatistics? Statistics, DateTimeOffset At);

/// <summary>A figure and what it counts.</summary>
public sealed record LabelledFigure(string Label, string Value);
