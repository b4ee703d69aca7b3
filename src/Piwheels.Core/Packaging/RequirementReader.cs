using System.Buffers;

namespace Piwheels.Core.Packaging;

/// <summary>
/// The grammar of PEP 508, read from left to right in one pass. The first thing that does not fit is kept as
/// <see cref="Problem"/>, and everything that reads on answers null.
/// </summary>
internal sealed class RequirementReader(string text)
{
    private static readonly SearchValues<char> IdentifierCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

    private static readonly SearchValues<char> VersionEnds = SearchValues.Create(" \t,;()\r\n");

    private static readonly SearchValues<char> WhiteSpace = SearchValues.Create(" \t");

    // The second names are those of PEP 345, which old metadata still has
    private static readonly Dictionary<string, string> Variables = new(StringComparer.Ordinal)
    {
        ["python_version"] = "python_version",
        ["python_full_version"] = "python_full_version",
        ["os_name"] = "os_name",
        ["os.name"] = "os_name",
        ["sys_platform"] = "sys_platform",
        ["sys.platform"] = "sys_platform",
        ["platform_release"] = "platform_release",
        ["platform_system"] = "platform_system",
        ["platform_version"] = "platform_version",
        ["platform.version"] = "platform_version",
        ["platform_machine"] = "platform_machine",
        ["platform.machine"] = "platform_machine",
        ["platform_python_implementation"] = "platform_python_implementation",
        ["platform.python_implementation"] = "platform_python_implementation",
        ["python_implementation"] = "platform_python_implementation",
        ["implementation_name"] = "implementation_name",
        ["implementation_version"] = "implementation_version",
        ["extra"] = "extra",
    };

    private int _at;

    public string? Problem { get; private set; }

    public bool AtEnd => _at == text.Length;

    private ReadOnlySpan<char> Rest => text.AsSpan(_at);

    public Requirement? ReadRequirement()
    {
        SkipSpace();
        var name = TakeIdentifier();
        if (!PackageName.TryParse(name, out var package)) return Fail("no project name at its beginning");

        SkipSpace();
        if (ReadExtras() is not { } extras) return null;
        SkipSpace();
        if (Take('@'))
        {
            if (ReadUrl() is not { } url || !ReadMarkerPart(out var condition)) return null;
            return new Requirement(name, package, extras, SpecifierSet.Any, url, condition);
        }

        if (ReadSpecifier() is not { } specifier || !ReadMarkerPart(out var marker)) return null;
        return new Requirement(name, package, extras, specifier, null, marker);
    }

    /// <summary>Reads conditions joined with <c>or</c>, and white space around them.</summary>
    public Marker? ReadMarker(int depth = 0)
    {
        var left = ReadConjunction(depth);
        while (left is not null && TakeWord("or"))
        {
            var right = ReadConjunction(depth);
            left = right is null ? null : new Marker.Or(left, right);
        }

        return left;
    }

    private Marker? ReadConjunction(int depth)
    {
        var left = ReadAtom(depth);
        while (left is not null && TakeWord("and"))
        {
            var right = ReadAtom(depth);
            left = right is null ? null : new Marker.And(left, right);
        }

        return left;
    }

    private Marker? ReadAtom(int depth)
    {
        SkipSpace();
        var atom = Take('(') ? ReadGroup(depth + 1) : ReadComparison();
        SkipSpace();
        return atom;
    }

    private Marker? ReadGroup(int depth)
    {
        if (depth > Marker.DepthMax) return Fail<Marker>("a marker nested too deep");
        var marker = ReadMarker(depth);
        if (marker is null || Take(')')) return marker;
        return Fail<Marker>("a parenthesis that is not closed");
    }

    private Marker.Comparison? ReadComparison()
    {
        if (ReadValue() is not { } left) return null;
        SkipSpace();
        if (ReadSign() is not { } sign) return null;
        SkipSpace();
        return ReadValue() is { } right ? new Marker.Comparison(left, sign, right) : null;
    }

    private MarkerValue? ReadValue()
    {
        if (!AtEnd && text[_at] is '\'' or '"')
        {
            var length = text.AsSpan(_at + 1).IndexOf(text[_at]);
            if (length < 0)
            {
                Fail("a text that is not closed");
                return null;
            }

            var value = text.Substring(_at + 1, length);
            _at += length + 2;
            return new MarkerValue(value, IsVariable: false);
        }

        if (Variables.TryGetValue(TakeIdentifier(), out var variable)) return new MarkerValue(variable, IsVariable: true);
        Fail("neither a variable nor a text where a marker needs one");
        return null;
    }

    private string? ReadSign()
    {
        if (VersionSpecifier.TryReadOperator(Rest, out _, out var length))
        {
            _at += length;
            return text.Substring(_at - length, length);
        }

        if (TakeWord("in")) return Marker.Comparison.In;
        if (TakeWord("not"))
        {
            SkipSpace();
            if (TakeWord("in")) return Marker.Comparison.NotIn;
        }

        return Fail<string>("no comparison where a marker needs one");
    }

    private List<string>? ReadExtras()
    {
        var extras = new SortedSet<string>(StringComparer.Ordinal);
        if (!Take('[')) return [];
        SkipSpace();
        if (Take(']')) return [];
        do
        {
            SkipSpace();
            var extra = TakeIdentifier();
            if (!PackageName.TryParse(extra, out _)) return Fail<List<string>>("no name of an extra");
            extras.Add(extra);
            SkipSpace();
        }
        while (Take(','));

        return Take(']') ? [.. extras] : Fail<List<string>>("a bracket that is not closed");
    }

    private string? ReadUrl()
    {
        SkipSpace();
        var length = Rest.IndexOfAny(WhiteSpace);
        if (length < 0) length = Rest.Length;
        var url = text.Substring(_at, length);
        _at += length;
        return IsAbsolute(url) && !url.Any(char.IsControl) ? url : Fail<string>("no URL after @");
    }

    // A scheme and a host, as installers ask for; a file has no host
    private static bool IsAbsolute(string url)
    {
        var scheme = url.IndexOf("://", StringComparison.Ordinal);
        if (scheme <= 0 || !char.IsAsciiLetter(url[0])) return false;
        foreach (var c in url.AsSpan(0, scheme))
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('+' or '-' or '.')) return false;
        }

        var host = url.AsSpan(scheme + 3);
        return url.AsSpan(0, scheme).Equals("file", StringComparison.OrdinalIgnoreCase)
            || (!host.IsEmpty && host[0] is not ('/' or '?' or '#'));
    }

    private SpecifierSet? ReadSpecifier()
    {
        var closed = Take('(');
        SkipSpace();
        var clauses = new List<VersionSpecifier>();
        while (VersionSpecifier.TryReadOperator(Rest, out var @operator, out var signLength))
        {
            _at += signLength;
            SkipSpace();
            var length = Rest.IndexOfAny(VersionEnds);
            if (length < 0) length = Rest.Length;
            if (!VersionSpecifier.TryMake(@operator, Rest[..length], out var clause))
            {
                return Fail<SpecifierSet>("a version that does not go with its comparison");
            }

            clauses.Add(clause);
            _at += length;
            SkipSpace();
            if (!Take(',')) break;
            SkipSpace();
        }

        return !closed || Take(')')
            ? new SpecifierSet(clauses)
            : Fail<SpecifierSet>("a parenthesis that is not closed");
    }

    /// <summary>Reads a semicolon and a marker, if any; false when something else follows.</summary>
    private bool ReadMarkerPart(out Marker? marker)
    {
        marker = null;
        SkipSpace();
        if (AtEnd) return true;
        if (!Take(';'))
        {
            Fail("something after it that belongs to no part");
            return false;
        }

        marker = ReadMarker();
        if (marker is not null && !AtEnd) Fail("something after its marker");
        return marker is not null && AtEnd;
    }

    private string TakeIdentifier()
    {
        var length = Rest.IndexOfAnyExcept(IdentifierCharacters);
        if (length < 0) length = Rest.Length;
        _at += length;
        return text.Substring(_at - length, length);
    }

    private bool TakeWord(string word)
    {
        if (!Rest.StartsWith(word)) return false;
        var after = _at + word.Length;
        if (after < text.Length && (char.IsAsciiLetterOrDigit(text[after]) || text[after] == '_')) return false;
        _at = after;
        return true;
    }

    private bool Take(char c)
    {
        if (AtEnd || text[_at] != c) return false;
        _at++;
        return true;
    }

    private void SkipSpace()
    {
        var length = Rest.IndexOfAnyExcept(WhiteSpace);
        _at = length < 0 ? text.Length : _at + length;
    }

    private Requirement? Fail(string problem) => Fail<Requirement>(problem);

    private T? Fail<T>(string problem)
        where T : class
    {
        Problem ??= problem;
        return null;
    }
}
