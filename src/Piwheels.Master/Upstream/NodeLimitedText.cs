using System.Buffers;
using System.Text;
using System.Xml;

namespace Piwheels.Master.Upstream;

/// <summary>
/// The text of an XML answer, with a limit to each node: XmlReader keeps a tag with its attributes whole, and has no
/// limit of its own. In UTF-8 unless it begins with another mark. What is no UTF-8, and what XML does not allow to be
/// written (https://www.w3.org/TR/xml/#charsets; Python's XML-RPC writes it all the same), is replaced by U+FFFD, since
/// one broken name must not take all others with it.
/// </summary>
internal sealed class NodeLimitedText(Stream stream) : TextReader
{
    /// <summary>The longest node, in characters, and what is read ahead of it.</summary>
    private const int NodeCharsMax = 256 << 10;

    private static readonly SearchValues<char> NotAllowed = SearchValues.Create(
        [.. Enumerable.Range(0, 32).Select(c => (char)c).Except(['\t', '\n', '\r']), '\uFFFE', '\uFFFF']);

    private readonly StreamReader _inner = new(stream, Encoding.UTF8, detectEncodingFromByteOrderMarks: true);
    private int _read;

    /// <summary>To be called before each node.</summary>
    internal void StartNode() => _read = 0;

    public override int Read(char[] buffer, int index, int count) =>
        Checked(buffer.AsSpan(index, _inner.Read(buffer, index, count)));

    public override async Task<int> ReadAsync(char[] buffer, int index, int count) =>
        Checked(buffer.AsSpan(index, await _inner.ReadAsync(buffer, index, count).ConfigureAwait(false)));

    protected override void Dispose(bool disposing)
    {
        if (disposing) _inner.Dispose();
        base.Dispose(disposing);
    }

    private int Checked(Span<char> read)
    {
        _read += read.Length;
        if (_read > NodeCharsMax) throw new XmlException("it has something too long for an event");
        read.ReplaceAny(NotAllowed, '\uFFFD');
        return read.Length;
    }
}
