using System.Text;
using System.Xml;

namespace Piwheels.Master.Upstream;

/// <summary>
/// The text of an XML answer, with a limit to each node: XmlReader keeps a tag with its attributes whole, and has no
/// limit of its own. In UTF-8 unless it begins with another mark; bytes that are none are replaced, since one broken
/// name must not take all others with it.
/// </summary>
internal sealed class NodeLimitedText(Stream stream) : TextReader
{
    /// <summary>The longest node, in characters, and what is read ahead of it.</summary>
    private const int NodeCharsMax = 256 << 10;

    private readonly StreamReader _inner = new(stream, Encoding.UTF8, detectEncodingFromByteOrderMarks: true);
    private int _read;

    /// <summary>To be called before each node.</summary>
    internal void StartNode() => _read = 0;

    public override int Read(char[] buffer, int index, int count) => Counted(_inner.Read(buffer, index, count));

    public override async Task<int> ReadAsync(char[] buffer, int index, int count) =>
        Counted(await _inner.ReadAsync(buffer, index, count).ConfigureAwait(false));

    protected override void Dispose(bool disposing)
    {
        if (disposing) _inner.Dispose();
        base.Dispose(disposing);
    }

    private int Counted(int read)
    {
        _read += read;
        return _read <= NodeCharsMax ? read : throw new XmlException("it has something too long for an event");
    }
}
