using System.Text;

namespace Piwheels.Logger.Formats;

/// <summary>
/// What web servers make of bytes that are no plain text: Apache <c>\"</c>, <c>\\</c>, <c>\n</c> and the like, and
/// <c>\xhh</c>; nginx <c>\xHH</c> alone.
/// </summary>
internal static class EscapedText
{
    /// <summary>A field's own bytes.</summary>
    /// <param name="field">As it stands in the line.</param>
    /// <param name="buffer">At least as long as the field.</param>
    public static ReadOnlySpan<byte> Read(ReadOnlySpan<byte> field, Span<byte> buffer)
    {
        var plain = field.IndexOf((byte)'\\');
        if (plain < 0) return field;
        field[..plain].CopyTo(buffer);
        var length = plain;
        for (var i = plain; i < field.Length; i++)
        {
            var next = field[i];
            if (next == '\\' && i + 1 < field.Length) next = ReadEscape(field, ref i);
            buffer[length++] = next;
        }

        return buffer[..length];
    }

    /// <summary>As text; bytes that are no UTF-8 become the replacement character.</summary>
    public static string ToText(ReadOnlySpan<byte> field, Span<byte> buffer) => Encoding.UTF8.GetString(Read(field, buffer));

    private static byte ReadEscape(ReadOnlySpan<byte> field, ref int i)
    {
        switch (field[i + 1])
        {
            case (byte)'x' when i + 3 < field.Length && Digit(field[i + 2]) is { } high && Digit(field[i + 3]) is { } low:
                i += 3;
                return (byte)(high << 4 | low);
            case (byte)'"' or (byte)'\\':
                return field[++i];
            case (byte)'n':
                i++;
                return (byte)'\n';
            case (byte)'t':
                i++;
                return (byte)'\t';
            case (byte)'r':
                i++;
                return (byte)'\r';
            case (byte)'b':
                i++;
                return (byte)'\b';
            case (byte)'v':
                i++;
                return (byte)'\v';
            case (byte)'f':
                i++;
                return (byte)'\f';
            default:
                return (byte)'\\';
        }
    }

    private static int? Digit(byte c) => c switch
    {
        >= (byte)'0' and <= (byte)'9' => c - '0',
        >= (byte)'a' and <= (byte)'f' => c - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => c - 'A' + 10,
        _ => null,
    };
}
