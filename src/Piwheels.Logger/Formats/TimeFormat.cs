using System.Text;

namespace Piwheels.Logger.Formats;

/// <summary>
/// How a line tells its time: <c>%t</c> and <c>%{...}t</c> of Apache's mod_log_config, with the forms of strftime(3) that
/// name a moment, and Apache's own <c>sec</c>, <c>msec</c>, <c>usec</c>, <c>msec_frac</c> and <c>usec_frac</c>.
/// </summary>
internal sealed class TimeFormat
{
    /// <summary><c>%t</c>: <c>[10/Oct/2000:13:55:36 -0700]</c>.</summary>
    public static readonly TimeFormat Plain = new(Compile("[%d/%b/%Y:%H:%M:%S %z]"));

    private const string Months = "JanFebMarAprMayJunJulAugSepOctNovDec";

    private static readonly string[] MonthNames =
    [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ];

    private static readonly string[] DayNames =
        ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

    private readonly List<(char Kind, byte Text)> _pieces;

    private TimeFormat(List<(char Kind, byte Text)> pieces) => _pieces = pieces;

    /// <summary>What stands between the braces of <c>%{...}t</c>.</summary>
    /// <exception cref="FormatException">It has a form that is not known.</exception>
    public static TimeFormat Parse(string text)
    {
        // When the request began, or was answered: both will do
        foreach (var prefix in (string[])["begin:", "end:"])
        {
            if (text.StartsWith(prefix, StringComparison.Ordinal)) text = text[prefix.Length..];
        }

        return text switch
        {
            "" => Plain,
            "sec" => new([('s', 0)]),
            "msec" => new([(Own.Milliseconds, 0)]),
            "usec" => new([(Own.Microseconds, 0)]),
            "msec_frac" => new([(Own.MillisecondsOfSecond, 0)]),
            "usec_frac" => new([(Own.MicrosecondsOfSecond, 0)]),
            _ => new(Compile(text)),
        };
    }

    /// <summary>Reads a time where a line has it.</summary>
    /// <param name="rest">What is left of the line; begins after the time when true is answered.</param>
    public bool TryRead(ref ReadOnlySpan<byte> rest, ref TimeParts time)
    {
        foreach (var (kind, text) in _pieces)
        {
            if (kind == Own.Text)
            {
                if (rest.IsEmpty || rest[0] != text) return false;
                rest = rest[1..];
            }
            else if (!TryReadPiece(kind, ref rest, ref time))
            {
                return false;
            }
        }

        return true;
    }

    private static bool TryReadPiece(char kind, ref ReadOnlySpan<byte> rest, ref TimeParts time)
    {
        switch (kind)
        {
            case 'Y': return Number(ref rest, 4, 4, out time.Year);
            case 'y': return ShortYear(ref rest, ref time);
            case 'm': return Number(ref rest, 2, 2, out time.Month);
            case 'b': return ShortMonth(ref rest, ref time);
            case 'B': return Name(ref rest, MonthNames, out time.Month);
            case 'd': return Number(ref rest, 2, 2, out time.Day);
            case 'e': return PaddedDay(ref rest, ref time);
            case 'H' or 'I': return Number(ref rest, 2, 2, out time.Hour);
            case 'M': return Number(ref rest, 2, 2, out time.Minute);
            case 'S': return Number(ref rest, 2, 2, out time.Second);
            case 'p': return Half(ref rest, ref time);
            case 'a': return SkipLetters(ref rest, 3);
            case 'A': return Name(ref rest, DayNames, out _);
            case 'z': return Offset(ref rest, ref time);
            case 's': return Epoch(ref rest, 1_000_000, ref time);
            case Own.Milliseconds: return Epoch(ref rest, 1_000, ref time);
            case Own.Microseconds: return Epoch(ref rest, 1, ref time);
            case Own.MillisecondsOfSecond: return Fraction(ref rest, 3, 1_000, ref time);
            case Own.MicrosecondsOfSecond: return Fraction(ref rest, 6, 1, ref time);
            default: return false;
        }
    }

    private static List<(char Kind, byte Text)> Compile(string text)
    {
        var pieces = new List<(char, byte)>();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '%' || ++i == text.Length)
            {
                pieces.AddRange(Encoding.UTF8.GetBytes(text[Math.Min(i, text.Length - 1)].ToString()).Select(b => (Own.Text, b)));
                continue;
            }

            // A flag or modifier of strftime that changes nothing that is read here
            if (text[i] is 'E' or 'O' && i + 1 < text.Length) i++;
            switch (text[i])
            {
                case 'T': pieces.AddRange(Compile("%H:%M:%S")); break;
                case 'R': pieces.AddRange(Compile("%H:%M")); break;
                case 'r': pieces.AddRange(Compile("%I:%M:%S %p")); break;
                case 'F': pieces.AddRange(Compile("%Y-%m-%d")); break;
                case 'D': pieces.AddRange(Compile("%m/%d/%y")); break;
                case 'c': pieces.AddRange(Compile("%a %b %e %H:%M:%S %Y")); break;
                case 'h': pieces.Add(('b', 0)); break;
                case '%': pieces.Add((Own.Text, (byte)'%')); break;
                case 'n': pieces.Add((Own.Text, (byte)'\n')); break;
                case 't': pieces.Add((Own.Text, (byte)'\t')); break;
                case 'Y' or 'y' or 'm' or 'b' or 'B' or 'd' or 'e' or 'H' or 'I' or 'M' or 'S' or 'p' or 'a' or 'A' or 'z' or 's':
                    pieces.Add((text[i], 0));
                    break;
                default: throw new FormatException($"the time %{{{text}}}t has %{text[i]}, which is not known here");
            }
        }

        return pieces;
    }

    private static bool Number(ref ReadOnlySpan<byte> rest, int digitsMin, int digitsMax, out int value)
    {
        value = 0;
        var digits = 0;
        while (digits < digitsMax && digits < rest.Length && rest[digits] is >= (byte)'0' and <= (byte)'9')
            value = value * 10 + rest[digits++] - '0';
        if (digits < digitsMin) return false;
        rest = rest[digits..];
        return true;
    }

    private static bool ShortYear(ref ReadOnlySpan<byte> rest, ref TimeParts time)
    {
        // As POSIX has it
        const int FirstOfLastCentury = 69;
        if (!Number(ref rest, 2, 2, out var year)) return false;
        time.Year = year + (year < FirstOfLastCentury ? 2000 : 1900);
        return true;
    }

    private static bool ShortMonth(ref ReadOnlySpan<byte> rest, ref TimeParts time)
    {
        if (rest.Length < 3) return false;
        for (var month = 0; month < 12; month++)
        {
            var name = Months.AsSpan(month * 3, 3);
            if (rest[0] != name[0] || rest[1] != name[1] || rest[2] != name[2]) continue;
            time.Month = month + 1;
            rest = rest[3..];
            return true;
        }

        return false;
    }

    private static bool PaddedDay(ref ReadOnlySpan<byte> rest, ref TimeParts time)
    {
        if (!rest.IsEmpty && rest[0] == ' ') rest = rest[1..];
        return Number(ref rest, 1, 2, out time.Day);
    }

    private static bool Name(ref ReadOnlySpan<byte> rest, string[] names, out int number)
    {
        for (number = 1; number <= names.Length; number++)
        {
            var name = names[number - 1];
            if (rest.Length < name.Length || !Ascii.Equals(rest[..name.Length], name)) continue;
            rest = rest[name.Length..];
            return true;
        }

        return false;
    }

    private static bool Half(ref ReadOnlySpan<byte> rest, ref TimeParts time)
    {
        if (rest.Length < 2 || (rest[1] | 0x20) != 'm' || (rest[0] | 0x20) is not ('a' or 'p')) return false;
        time.IsAfternoon = (rest[0] | 0x20) == 'p';
        rest = rest[2..];
        return true;
    }

    private static bool SkipLetters(ref ReadOnlySpan<byte> rest, int count)
    {
        if (rest.Length < count) return false;
        rest = rest[count..];
        return true;
    }

    /// <summary><c>+0100</c>, <c>+01:00</c> (nginx's time_iso8601) or <c>Z</c>.</summary>
    private static bool Offset(ref ReadOnlySpan<byte> rest, ref TimeParts time)
    {
        if (rest.IsEmpty) return false;
        var sign = rest[0];
        rest = rest[1..];
        if (sign == 'Z')
        {
            time.OffsetMinutes = 0;
            return true;
        }

        if (sign is not ((byte)'+' or (byte)'-') || !Number(ref rest, 2, 2, out var hours)) return false;
        if (!rest.IsEmpty && rest[0] == ':') rest = rest[1..];
        if (!Number(ref rest, 2, 2, out var minutes)) return false;
        time.OffsetMinutes = (hours * 60 + minutes) * (sign == '-' ? -1 : 1);
        return true;
    }

    private static bool Epoch(ref ReadOnlySpan<byte> rest, int microseconds, ref TimeParts time)
    {
        const int DigitsMax = 12;
        long value = 0;
        var digits = 0;
        var most = DigitsMax + (microseconds == 1 ? 6 : microseconds == 1_000 ? 3 : 0);
        while (digits < rest.Length && rest[digits] is >= (byte)'0' and <= (byte)'9')
        {
            if (digits == most) return false;
            value = value * 10 + rest[digits++] - '0';
        }

        if (digits == 0) return false;
        rest = rest[digits..];
        time.EpochMicroseconds = value * microseconds;
        return true;
    }

    private static bool Fraction(ref ReadOnlySpan<byte> rest, int digits, int microseconds, ref TimeParts time)
    {
        if (!Number(ref rest, digits, digits, out var value)) return false;
        time.Microseconds = value * microseconds;
        return true;
    }

    /// <summary>Pieces that strftime has no letter for.</summary>
    private static class Own
    {
        public const char Text = '\0';
        public const char Milliseconds = '\u0001';
        public const char Microseconds = '\u0002';
        public const char MillisecondsOfSecond = '\u0003';
        public const char MicrosecondsOfSecond = '\u0004';
    }
}
