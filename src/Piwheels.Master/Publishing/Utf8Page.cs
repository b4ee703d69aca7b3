using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace Piwheels.Master.Publishing;

/// <summary>
/// Writes markup as UTF-8, quicker than a template: for pages of which there are many, or that are large. What is
/// not a literal of ours goes through <see cref="Text(string)"/> or <see cref="PathSegment"/>.
/// </summary>
internal readonly ref struct Utf8Page(IBufferWriter<byte> output)
{
    // What could end a text or an attribute in quotes, and characters that neither HTML nor XML 1.0 may hold
    private static readonly SearchValues<char> Special = SearchValues.Create(
        [.. "<>&\"'", .. Enumerable.Range(0, char.MaxValue + 1).Select(c => (char)c).Where(IsUnfit)]);

    // RFC 3986 section 2.3
    private static readonly SearchValues<char> Unreserved = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~");

    private readonly IBufferWriter<byte> _output = output;

    /// <summary>Writes a literal of ours.</summary>
    internal void Raw(ReadOnlySpan<byte> utf8) => _output.Write(utf8);

    /// <summary>Writes a text, escaped for HTML and XML, for between tags and within quotes.</summary>
    internal void Text(string text)
    {
        var rest = text.AsSpan();
        while (rest.IndexOfAny(Special) is var at and >= 0)
        {
            Characters(rest[..at]);
            Raw(rest[at] switch
            {
                '<' => "&lt;"u8,
                '>' => "&gt;"u8,
                '&' => "&amp;"u8,
                '"' => "&quot;"u8,
                '\'' => "&#39;"u8,
                _ => "\ufffd"u8,
            });
            rest = rest[(at + 1)..];
        }

        Characters(rest);
    }

    /// <summary>Writes one segment of a URL's path, percent-encoded.</summary>
    internal void PathSegment(string segment)
    {
        if (segment.AsSpan().ContainsAnyExcept(Unreserved)) segment = Uri.EscapeDataString(segment);
        Characters(segment);
    }

    // Control characters but tabs and line ends, and what is no character
    private static bool IsUnfit(char c) =>
        (char.IsControl(c) && c is not ('\t' or '\n' or '\r')) || c is >= '\ufdd0' and <= '\ufdef' or '\ufffe' or '\uffff';

    internal void Number(long value)
    {
        var span = _output.GetSpan(20);
        Utf8Formatter.TryFormat(value, span, out var written);
        _output.Advance(written);
    }

    // Lone surrogates become U+FFFD
    private void Characters(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty) return;
        var span = _output.GetSpan(Encoding.UTF8.GetMaxByteCount(text.Length));
        _output.Advance(Encoding.UTF8.GetBytes(text, span));
    }
}
