using System.Text;
using Microsoft.Extensions.Logging;
using Piwheels.Core.Packaging;
using Piwheels.Logger.Formats;
using Piwheels.Messaging.Tasks;

namespace Piwheels.Logger;

/// <summary>What became of lines: counted, and told of in the log now and then.</summary>
internal sealed partial class LineCounts
{
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly LineLimit _lines;
    private readonly long[] _outcomes = new long[Enum.GetValues<LineOutcome>().Length];
    private DateTimeOffset _nextDropped;
    private long _droppedSaid;

    public LineCounts(TimeProvider time, ILogger logger)
    {
        (_time, _logger) = (time, logger);
        _lines = new LineLimit(time);
        _nextDropped = time.GetUtcNow() + SayInterval;
    }

    /// <summary>How often is told what was dropped.</summary>
    public static readonly TimeSpan SayInterval = TimeSpan.FromMinutes(1);

    /// <summary>Hits that the master took too slowly.</summary>
    public long Dropped { get; private set; }

    public long All => _outcomes.Sum();

    public long Nothing => _outcomes[(int)LineOutcome.Nothing];

    public long Unreadable => _outcomes[(int)LineOutcome.Unreadable];

    private long TooLong => _outcomes[(int)LineOutcome.TooLong];

    private long NoAddress => _outcomes[(int)LineOutcome.NoAddress];

    private long NoDate => _outcomes[(int)LineOutcome.NoDate];

    public void Add(LineOutcome outcome, ReadOnlySpan<byte> line)
    {
        _outcomes[(int)outcome]++;
        var reason = outcome switch
        {
            LineOutcome.Unreadable => "it is not of the format",
            LineOutcome.NoAddress => "its client has no address",
            LineOutcome.NoDate => "its date cannot be",
            LineOutcome.TooLong => $"it has more than {LineParser.LineBytesMax} bytes",
            _ => null,
        };
        if (reason is not null && _lines.TryTake(out var unsaid))
            PassedOver(_logger, reason, unsaid, Excerpt.Of(Encoding.UTF8.GetString(line[..Math.Min(line.Length, 1000)])));
    }

    public void Drop(int hits) => Dropped += hits;

    /// <summary>Tells once a minute what was dropped since.</summary>
    public void TellDropped()
    {
        if (_time.GetUtcNow() < _nextDropped) return;
        _nextDropped = _time.GetUtcNow() + SayInterval;
        if (Dropped == _droppedSaid) return;
        DroppedLately(_logger, Dropped - _droppedSaid);
        _droppedSaid = Dropped;
    }

    /// <summary>Tells at the end of everything.</summary>
    public void TellAll(long told, long leftOut)
    {
        Ended(
            _logger, All, told, Nothing, Unreadable, TooLong,
            NoAddress, NoDate, leftOut, Dropped);
    }

    [LoggerMessage(EventId = 10, Level = LogLevel.Warning,
        Message = "a line is passed over: {Reason} ({Unsaid} more since the last such line): {Line}")]
    private static partial void PassedOver(ILogger logger, string reason, long unsaid, string line);

    [LoggerMessage(EventId = 11, Level = LogLevel.Warning, Message = "{Count} hits were dropped: the master takes them too slowly")]
    private static partial void DroppedLately(ILogger logger, long count);

    [LoggerMessage(EventId = 12, Level = LogLevel.Information,
        Message = "{Lines} lines: {Told} hits told, {Nothing} count as nothing, {Unreadable} not of the format, {TooLong} too long, "
            + "{NoAddress} without an address, {NoDate} with a date that cannot be, {LeftOut} left out by the master, {Dropped} dropped")]
    private static partial void Ended(
        ILogger logger, long lines, long told, long nothing, long unreadable, long tooLong, long noAddress, long noDate,
        long leftOut, long dropped);
}
