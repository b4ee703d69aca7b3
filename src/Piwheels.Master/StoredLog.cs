using System.Text;
using Piwheels.Messaging.Cbor;

namespace Piwheels.Master;

/// <summary>A build's log as the master keeps it, whoever built it.</summary>
public static class StoredLog
{
    /// <summary>Characters of a log that are kept; of a longer one the beginning and the end.</summary>
    public const int LengthMax = WireLimits.LogBytesMax;

    /// <summary>Characters that a log may have above that, so that one that was cut, and says so, is not cut again.</summary>
    private const int GapLengthMax = 200;

    /// <summary>Characters of the beginning that are kept of a log that is too long.</summary>
    private const int HeadLength = WireLimits.LogHeadBytes;

    /// <summary>A log as it can be stored: without NUL, which PostgreSQL does not take, and of limited length.</summary>
    public static string Clean(string log)
    {
        if (log.Length > LengthMax + GapLengthMax)
        {
            var head = WholeCharacters(log, HeadLength);
            var tail = WholeCharacters(log, log.Length - (LengthMax - HeadLength));
            var gap = $"\n\n[... {tail - head} characters left out by the master ...]\n\n";
            log = string.Concat(log.AsSpan(0, head), gap, log.AsSpan(tail));
        }

        return WithoutNul(log);
    }

    /// <summary>The text with each NUL replaced.</summary>
    public static string WithoutNul(string text) => text.Contains('\0', StringComparison.Ordinal)
        ? new StringBuilder(text).Replace('\0', '\uFFFD').ToString()
        : text;

    /// <summary>The index, or the next one where it would cut a surrogate pair in two.</summary>
    private static int WholeCharacters(string text, int index) => char.IsLowSurrogate(text[index]) ? index + 1 : index;
}
