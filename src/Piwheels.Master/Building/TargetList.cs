using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Building;

/// <summary>
/// The targets that the farm builds for, as the database has them. A slave on another one gets no work; the log says
/// once what would change that.
/// </summary>
internal sealed partial class TargetList(IDatabase database, ILogger logger)
{
    /// <summary>How many unknown targets are told of: slaves say what they like.</summary>
    public const int UnknownMax = 100;

    private readonly HashSet<Target> _unknown = [];
    private HashSet<Target>? _known;

    /// <summary>Reads the list anew; the old one stays while the database is away.</summary>
    public async Task ReadAsync()
    {
        try
        {
            var rows = await database.GetTargetsAsync();
            _known = [.. rows.Select(static row => row.Target)];
            _unknown.ExceptWith(_known);
        }
        catch (DatabaseException away)
        {
            NotRead(logger, away.Transient ? LogLevel.Debug : LogLevel.Warning, away.Message);
        }
    }

    /// <summary>A slave is there for a target.</summary>
    public void Note(Target target)
    {
        if (_known is null || _known.Contains(target) || _unknown.Count >= UnknownMax) return;
        if (_unknown.Add(target)) Unknown(logger, target, target.Abi, target.Platform);
    }

    [LoggerMessage(EventId = 40, Level = LogLevel.Warning,
        Message = "a slave is there for {Target}, which nothing is built for; to change that: "
            + "piw target add {Abi} {Platform}")]
    private static partial void Unknown(ILogger logger, Target target, string abi, string platform);

    [LoggerMessage(EventId = 41, Message = "the targets could not be read: {Reason}")]
    private static partial void NotRead(ILogger logger, LogLevel level, string reason);
}
