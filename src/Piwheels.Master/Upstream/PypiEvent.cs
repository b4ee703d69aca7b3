namespace Piwheels.Master.Upstream;

/// <summary>
/// One row of the index's change log, as <c>changelog_since_serial</c> tells it; nothing in it is checked.
/// </summary>
/// <param name="Name">The project, in any spelling.</param>
/// <param name="Version">The release that it is about; null when about the project.</param>
/// <param name="Timestamp">When it happened, to the second.</param>
/// <param name="Action">What happened, e.g. <c>add source file x-1.0.tar.gz</c>.</param>
/// <param name="Serial">Its number in the log; unique, rising.</param>
public sealed record PypiEvent(string Name, string? Version, DateTimeOffset Timestamp, string Action, long Serial);
