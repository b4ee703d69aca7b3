using System.Globalization;
using Microsoft.Extensions.Logging;
using Piwheels.Core.Units;

namespace Piwheels.Cli.Auditing;

/// <summary>How far an audit is: a line that is written over on a terminal, else one in the log every ten seconds.</summary>
internal sealed partial class AuditProgress(ILogger logger, TimeProvider time, string noun)
{
    private static readonly TimeSpan LogInterval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LiveInterval = TimeSpan.FromMilliseconds(200);

    private readonly bool _live = !Console.IsErrorRedirected && !Console.IsOutputRedirected;
    private readonly long _begin = time.GetTimestamp();
    private long _told = time.GetTimestamp();
    private bool _shown;

    /// <summary>So many have been looked at.</summary>
    public long Done { get; private set; }

    public void Add(long count = 1)
    {
        Done += count;
        if (time.GetElapsedTime(_told) < (_live ? LiveInterval : LogInterval)) return;
        _told = time.GetTimestamp();
        var elapsed = DurationText.Show(time.GetElapsedTime(_begin));
        if (!_live)
        {
            Looked(logger, Done, noun, elapsed);
            return;
        }

        _shown = true;
        Console.Error.Write(string.Create(CultureInfo.InvariantCulture, $"\r{Done:N0} {noun}, {elapsed}\x1b[K"));
    }

    /// <summary>Takes the line away, before something else is printed.</summary>
    public void Clear()
    {
        if (_shown) Console.Error.Write("\r\x1b[K");
        _shown = false;
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "looked at {Done} {Noun} in {Elapsed}")]
    private static partial void Looked(ILogger logger, long done, string noun, string elapsed);
}
