using System.Net;

namespace Piwheels.Master.Upstream;

/// <summary>One start tag that a simple page may say something with: <c>a</c>, <c>base</c> or <c>meta</c>.</summary>
internal sealed record HtmlTag(string Name, IReadOnlyDictionary<string, string> Attributes);

/// <summary>
/// Reads the start tags of a simple index's page (PEP 503). It is no browser: it knows tags, quoted and bare
/// attributes,
/// character references, comments and declarations, and passes over what stands in scripts and styles. That is all that
/// such a page is made of. Time is linear in the page's length.
/// </summary>
internal static class AnchorReader
{
    /// <summary>The most attributes of one tag; those after it are left out.</summary>
    private const int AttributesMax = 32;

    internal static IEnumerable<HtmlTag> Read(string html)
    {
        var at = 0;
        while (at < html.Length)
        {
            at = html.IndexOf('<', at);
            if (at < 0 || at + 1 >= html.Length) yield break;
            if (html[at + 1] is '!' or '?')
            {
                at = EndOfDeclaration(html, at);
            }
            else if (char.IsAsciiLetter(html[at + 1]))
            {
                var tag = ReadTag(html, ref at);
                if (tag.Name is "script" or "style") at = EndOfRaw(html, at, tag.Name);
                if (tag.Name is "a" or "base" or "meta") yield return tag;
            }
            else
            {
                at++;
            }
        }
    }

    private static int EndOfDeclaration(string html, int at)
    {
        var comment = string.CompareOrdinal(html, at, "<!--", 0, 4) == 0;
        var end = comment ? html.IndexOf("-->", at + 4, StringComparison.Ordinal) : html.IndexOf('>', at);
        if (end < 0) return html.Length;
        return end + (comment ? 3 : 1);
    }

    private static int EndOfRaw(string html, int at, string name)
    {
        var end = html.IndexOf("</" + name, at, StringComparison.OrdinalIgnoreCase);
        return end < 0 ? html.Length : end + 2;
    }

    /// <summary>Reads from a tag's <c>&lt;</c>, and moves past its <c>&gt;</c>.</summary>
    private static HtmlTag ReadTag(string html, ref int at)
    {
        var start = ++at;
        while (at < html.Length && !IsSpace(html[at]) && html[at] is not ('>' or '/')) at++;
        var name = html[start..at].ToLowerInvariant();
        var attributes = new Dictionary<string, string>(StringComparer.Ordinal);
        while (at < html.Length)
        {
            if (IsSpace(html[at]) || html[at] == '/')
            {
                at++;
                continue;
            }

            if (html[at] == '>')
            {
                at++;
                break;
            }

            var (key, value) = ReadAttribute(html, ref at);
            // The first one counts where a name comes twice (WHATWG HTML, 13.2.5.33)
            if (attributes.Count < AttributesMax) attributes.TryAdd(key, value);
        }

        return new HtmlTag(name, attributes);
    }

    private static (string Key, string Value) ReadAttribute(string html, ref int at)
    {
        var start = at++;
        while (at < html.Length && !IsSpace(html[at]) && html[at] is not ('=' or '>' or '/')) at++;
        var key = html[start..at].ToLowerInvariant();
        var next = at;
        while (next < html.Length && IsSpace(html[next])) next++;
        if (next >= html.Length || html[next] != '=') return (key, "");

        at = next + 1;
        while (at < html.Length && IsSpace(html[at])) at++;
        if (at >= html.Length) return (key, "");
        if (html[at] is not ('"' or '\''))
        {
            start = at;
            while (at < html.Length && !IsSpace(html[at]) && html[at] != '>') at++;
            return (key, WebUtility.HtmlDecode(html[start..at]));
        }

        var quote = html[at++];
        var end = html.IndexOf(quote, at);
        if (end < 0) end = html.Length;
        var value = WebUtility.HtmlDecode(html[at..end]);
        at = Math.Min(end + 1, html.Length);
        return (key, value);
    }

    private static bool IsSpace(char c) => c is ' ' or '\t' or '\n' or '\r' or '\f';
}
