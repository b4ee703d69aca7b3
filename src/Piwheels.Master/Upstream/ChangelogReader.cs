using System.Globalization;
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
/// entities of its own, nothing nested deeper than the rows are.
/// </summary>
internal sealed class ChangelogReader : IDisposable
{
    /// <summary>The longest text of one value, in characters; longer ones make their row misshapen.</summary>
    private const int TextMax = 4_096;

    /// <summary>The most rows of one answer: PyPI gives 50,000.</summary>
    private const int RowsMax = 200_000;

    private const int FieldsOfRow = 5;

    private readonly XmlReader _xml;

    internal ChangelogReader(Stream stream, long charactersMax) =>
        _xml = XmlReader.Create(stream, new XmlReaderSettings
        {
            Async = true,
            DtdProcessing = DtdProcessing.Prohibit,
            XmlResolver = null,
            MaxCharactersInDocument = charactersMax,
            IgnoreWhitespace = true,
            IgnoreComments = true,
            IgnoreProcessingInstructions = true,
            // What XML does not allow, old names may carry; such names are refused later, one by one
            CheckCharacters = false,
        });

    public void Dispose() => _xml.Dispose();

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
        var fields = new string?[FieldsOfRow];
        var count = 0;
        await OpenAsync("value").ConfigureAwait(false);
        await OpenAsync("array").ConfigureAwait(false);
        await OpenAsync("data").ConfigureAwait(false);
        while (IsStart("value"))
        {
            var text = await ReadScalarAsync().ConfigureAwait(false);
            if (count < FieldsOfRow) fields[count] = text;
            count++;
        }

        await CloseAsync("data").ConfigureAwait(false);
        await CloseAsync("array").ConfigureAwait(false);
        await CloseAsync("value").ConfigureAwait(false);
        return count == FieldsOfRow ? EventOf(fields) : null;
    }

    private static PypiEvent? EventOf(string?[] fields)
    {
        if (fields[0] is not { } name || fields[3] is not { } action) return null;
        if (TryNumber(fields[2]) is not { } seconds || TryNumber(fields[4]) is not { } serial) return null;
        if (serial < 1) return null;
        if (seconds < 0 || seconds > DateTimeOffset.MaxValue.ToUnixTimeSeconds()) return null;
        if (name.Length > TextMax || action.Length > TextMax || fields[1]?.Length > TextMax) return null;
        var version = string.IsNullOrEmpty(fields[1]) ? null : fields[1];
        return new PypiEvent(name, version, DateTimeOffset.FromUnixTimeSeconds(seconds), action, serial);
    }

    /// <summary>Reads one <c>value</c> with a text or a number in it, typed or not; null for <c>nil</c>.</summary>
    private async Task<string?> ReadScalarAsync()
    {
        if (_xml.IsEmptyElement)
        {
            await MoveAsync().ConfigureAwait(false);
            return "";
        }

        await OpenAsync("value").ConfigureAwait(false);
        if (_xml.NodeType != XmlNodeType.Element)
        {
            var untyped = await ReadTextAsync().ConfigureAwait(false);
            await CloseAsync("value").ConfigureAwait(false);
            return untyped;
        }

        var type = _xml.LocalName;
        if (type is not ("string" or "int" or "i4" or "i8" or "nil"))
            throw new XmlException($"a value of type '{type[..Math.Min(type.Length, 20)]}' is not expected here");
        string? text;
        if (_xml.IsEmptyElement)
        {
            text = "";
            await MoveAsync().ConfigureAwait(false);
        }
        else
        {
            await MoveAsync().ConfigureAwait(false);
            text = await ReadTextAsync().ConfigureAwait(false);
            await CloseAsync(type).ConfigureAwait(false);
        }

        await CloseAsync("value").ConfigureAwait(false);
        return type == "nil" ? null : text;
    }

    private async Task<string> ReadTextAsync()
    {
        var text = "";
        while (_xml.NodeType is XmlNodeType.Text or XmlNodeType.CDATA or XmlNodeType.SignificantWhitespace)
        {
            text += await _xml.GetValueAsync().ConfigureAwait(false);
            await MoveAsync().ConfigureAwait(false);
        }

        return text;
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
            var value = await ReadScalarAsync().ConfigureAwait(false) ?? "";
            await CloseAsync("member").ConfigureAwait(false);
            if (name == "faultCode") code = value;
            if (name == "faultString") text = value;
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
        if (!IsStart(name) || _xml.IsEmptyElement) throw Unexpected(name);
        await MoveAsync().ConfigureAwait(false);
    }

    private async Task CloseAsync(string name)
    {
        if (_xml.NodeType != XmlNodeType.EndElement || _xml.LocalName != name) throw Unexpected("/" + name);
        await _xml.ReadAsync().ConfigureAwait(false);
    }

    private async Task MoveAsync()
    {
        if (!await _xml.ReadAsync().ConfigureAwait(false)) throw new XmlException("it ends too early");
    }

    private XmlException Unexpected(string wanted) =>
        new($"there is a {_xml.NodeType} where <{wanted}> should be");
}
