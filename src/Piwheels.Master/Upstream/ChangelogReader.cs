using System.Globalization;
using System.Text;
using System.Xml;

namespace Piwheels.Master.Upstream;

/// <summary>What an XML-RPC method answered.</summary>
internal abstract record XmlRpcAnswer
{
    /// <summary>A fault: its code and text, for the log.</summary>
    internal sealed record Fault(string Code, string Text) : XmlRpcAnswer;

    internal sealed record Number(long Value) : XmlRpcAnswer;

    /// <summary>Rows of the change log.</summary>
    /// <param name="Misshapen">How many rows were left out since they were no events.</param>
    internal sealed record Rows(IReadOnlyList<PypiEvent> Events, int Misshapen) : XmlRpcAnswer;
}

/// <summary>
/// Reads the answers of <c>changelog_since_serial</c> and <c>changelog_last_serial</c> (XML-RPC,
/// http://xmlrpc.com/spec.md, with the <c>nil</c> and <c>i8</c> extensions) as they come in. No document type, no
/// entities of its own, nothing longer or nested deeper than events are.
/// </summary>
internal sealed class ChangelogReader : IDisposable
{
    /// <summary>The longest text of one value, in characters; longer ones make their row misshapen.</summary>
    private const int TextMax = 4_096;

    /// <summary>The most rows of one answer: PyPI gives 50,000.</summary>
    private const int RowsMax = 200_000;

    /// <summary>How much of a row that is no event is passed over, in nodes of XML.</summary>
    private const int SkippedNodesMax = 1_000;

    private const int FieldsOfRow = 5;

    private readonly XmlReader _xml;
    private readonly NodeLimitedText _source;
    private readonly char[] _chunk = new char[TextMax + 1];
    private readonly StringBuilder _text = new();

    internal ChangelogReader(Stream stream, long charactersMax)
    {
        _source = new NodeLimitedText(stream);
        _xml = XmlReader.Create(_source, new XmlReaderSettings
        {
            Async = true,
            DtdProcessing = DtdProcessing.Prohibit,
            XmlResolver = null,
            MaxCharactersInDocument = charactersMax,
            IgnoreWhitespace = true,
            IgnoreComments = true,
            IgnoreProcessingInstructions = true,
            // References to what XML does not allow; names with such characters are refused later, one by one
            CheckCharacters = false,
        });
    }

    public void Dispose()
    {
        _xml.Dispose();
        _source.Dispose();
    }

    /// <exception cref="XmlException">It is no answer of these methods.</exception>
    internal async Task<XmlRpcAnswer> ReadAsync()
    {
        await MoveAsync().ConfigureAwait(false);
        if (_xml.NodeType == XmlNodeType.XmlDeclaration) await MoveAsync().ConfigureAwait(false);
        await OpenAsync("methodResponse").ConfigureAwait(false);
        if (IsStart("fault")) return await ReadFaultAsync().ConfigureAwait(false);

        await OpenAsync("params").ConfigureAwait(false);
        await OpenAsync("param").ConfigureAwait(false);
        await OpenAsync("value").ConfigureAwait(false);
        XmlRpcAnswer answer = IsStart("array")
            ? await ReadRowsAsync().ConfigureAwait(false)
            : new XmlRpcAnswer.Number(await ReadNumberAsync().ConfigureAwait(false));
        // To the end, so that an answer cut off after its last row is seen as such
        foreach (var name in new[] { "value", "param", "params", "methodResponse" })
            await CloseAsync(name).ConfigureAwait(false);
        return answer;
    }

    private async Task<XmlRpcAnswer> ReadRowsAsync()
    {
        var events = new List<PypiEvent>();
        var misshapen = 0;
        await OpenAsync("array").ConfigureAwait(false);
        if (IsStart("data") && _xml.IsEmptyElement)
        {
            await MoveAsync().ConfigureAwait(false);
        }
        else
        {
            await OpenAsync("data").ConfigureAwait(false);
            while (IsStart("value"))
            {
                if (events.Count + misshapen == RowsMax) throw new XmlException($"it has more than {RowsMax:N0} rows");
                if (await ReadRowAsync().ConfigureAwait(false) is { } e) events.Add(e);
                else misshapen++;
            }

            await CloseAsync("data").ConfigureAwait(false);
        }

        await CloseAsync("array").ConfigureAwait(false);
        return new XmlRpcAnswer.Rows(events, misshapen);
    }

    /// <summary>Reads <c>[name, version or nil, seconds, action, serial]</c>; null when it is something else.</summary>
    private async Task<PypiEvent?> ReadRowAsync()
    {
        var depth = _xml.Depth;
        var fields = new List<string?>(FieldsOfRow);
        var isRow = await TryOpenAsync("value").ConfigureAwait(false)
            && await TryOpenAsync("array").ConfigureAwait(false)
            && await TryOpenAsync("data").ConfigureAwait(false);
        while (isRow && IsStart("value"))
            isRow = fields.Count < FieldsOfRow && await TryReadScalarAsync(fields).ConfigureAwait(false);
        await LeaveAsync(depth).ConfigureAwait(false);
        return isRow && fields.Count == FieldsOfRow ? EventOf(fields) : null;
    }

    private static PypiEvent? EventOf(List<string?> fields)
    {
        if (fields[0] is not { } name || fields[3] is not { } action) return null;
        if (TryNumber(fields[2]) is not { } seconds || TryNumber(fields[4]) is not { } serial) return null;
        if (serial < 1) return null;
        if (seconds < 0 || seconds > DateTimeOffset.MaxValue.ToUnixTimeSeconds()) return null;
        if (name.Length > TextMax || action.Length > TextMax || fields[1]?.Length > TextMax) return null;
        var version = string.IsNullOrEmpty(fields[1]) ? null : fields[1];
        return new PypiEvent(name, version, DateTimeOffset.FromUnixTimeSeconds(seconds), action, serial);
    }

    /// <summary>
    /// Reads one <c>value</c> with a text or a number in it, typed or not, null for <c>nil</c>; false when there is
    /// something else in it.
    /// </summary>
    private async Task<bool> TryReadScalarAsync(List<string?> fields)
    {
        if (!await TryOpenAsync("value").ConfigureAwait(false))
        {
            fields.Add("");
            await MoveAsync().ConfigureAwait(false);
            return true;
        }

        if (_xml.NodeType != XmlNodeType.Element)
        {
            fields.Add(await ReadTextAsync().ConfigureAwait(false));
            return await TryCloseAsync("value").ConfigureAwait(false);
        }

        var type = _xml.LocalName;
        if (type is not ("string" or "int" or "i4" or "i8" or "nil")) return false;
        var isEmpty = !await TryOpenAsync(type).ConfigureAwait(false);
        if (isEmpty) await MoveAsync().ConfigureAwait(false);
        var text = isEmpty ? "" : await ReadTextAsync().ConfigureAwait(false);
        fields.Add(type == "nil" ? null : text);
        return (isEmpty || await TryCloseAsync(type).ConfigureAwait(false))
            && await TryCloseAsync("value").ConfigureAwait(false);
    }

    /// <summary>Reads the text up to the next tag; of one that is too long a part that is too long as well.</summary>
    private async Task<string> ReadTextAsync()
    {
        _text.Clear();
        while (_xml.NodeType is XmlNodeType.Text or XmlNodeType.CDATA or XmlNodeType.SignificantWhitespace)
        {
            int read;
            while ((read = await _xml.ReadValueChunkAsync(_chunk, 0, _chunk.Length).ConfigureAwait(false)) > 0)
            {
                if (_text.Length <= TextMax) _text.Append(_chunk, 0, read);
                _source.StartNode();
            }

            await MoveAsync().ConfigureAwait(false);
        }

        return _text.ToString();
    }

    private async Task<long> ReadNumberAsync()
    {
        if (_xml.NodeType != XmlNodeType.Element || _xml.LocalName is not ("int" or "i4" or "i8"))
            throw new XmlException("it is neither rows nor a number");
        var type = _xml.LocalName;
        await MoveAsync().ConfigureAwait(false);
        var text = await ReadTextAsync().ConfigureAwait(false);
        await CloseAsync(type).ConfigureAwait(false);
        return TryNumber(text) ?? throw new XmlException("its number is none");
    }

    private async Task<XmlRpcAnswer.Fault> ReadFaultAsync()
    {
        var (code, text) = ("", "");
        await OpenAsync("fault").ConfigureAwait(false);
        await OpenAsync("value").ConfigureAwait(false);
        await OpenAsync("struct").ConfigureAwait(false);
        while (IsStart("member"))
        {
            await OpenAsync("member").ConfigureAwait(false);
            await OpenAsync("name").ConfigureAwait(false);
            var name = await ReadTextAsync().ConfigureAwait(false);
            await CloseAsync("name").ConfigureAwait(false);
            var value = new List<string?>();
            if (!await TryReadScalarAsync(value).ConfigureAwait(false)) throw Unexpected("string");
            await CloseAsync("member").ConfigureAwait(false);
            if (name == "faultCode") code = value[0] ?? "";
            if (name == "faultString") text = value[0] ?? "";
        }

        return new XmlRpcAnswer.Fault(code, text.Length > TextMax ? text[..TextMax] : text);
    }

    private static long? TryNumber(string? text) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? number
            : null;

    private bool IsStart(string name) => _xml.NodeType == XmlNodeType.Element && _xml.LocalName == name;

    private async Task OpenAsync(string name)
    {
        if (!await TryOpenAsync(name).ConfigureAwait(false)) throw Unexpected(name);
    }

    private async Task CloseAsync(string name)
    {
        if (!await TryCloseAsync(name).ConfigureAwait(false)) throw Unexpected("/" + name);
    }

    /// <summary>Enters an element that has something in it; else stays where it is, and answers false.</summary>
    private async Task<bool> TryOpenAsync(string name)
    {
        if (!IsStart(name) || _xml.IsEmptyElement) return false;
        await MoveAsync().ConfigureAwait(false);
        return true;
    }

    private async Task<bool> TryCloseAsync(string name)
    {
        if (_xml.NodeType != XmlNodeType.EndElement || _xml.LocalName != name) return false;
        await ReadNodeAsync().ConfigureAwait(false);
        return true;
    }

    /// <summary>Passes over what is left of the element at a depth, and its end.</summary>
    private async Task LeaveAsync(int depth)
    {
        var isWhole = _xml.Depth == depth && _xml.IsEmptyElement;
        for (var nodes = 0; !isWhole && !(_xml.Depth == depth && _xml.NodeType == XmlNodeType.EndElement); nodes++)
        {
            if (nodes == SkippedNodesMax) throw new XmlException("it has a row that goes on and on");
            await MoveAsync().ConfigureAwait(false);
        }

        await MoveAsync().ConfigureAwait(false);
    }

    private async Task MoveAsync()
    {
        if (!await ReadNodeAsync().ConfigureAwait(false)) throw new XmlException("it ends too early");
    }

    private async Task<bool> ReadNodeAsync()
    {
        _source.StartNode();
        return await _xml.ReadAsync().ConfigureAwait(false);
    }

    private XmlException Unexpected(string wanted) =>
        new($"there is a {_xml.NodeType} where <{wanted}> should be");
}
