using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Piwheels.Web;

/// <summary>What a client can take, and the best of it that there is.</summary>
internal static class Negotiation
{
    internal const string SimpleJson = "application/vnd.pypi.simple.v1+json";
    internal const string SimpleHtml = "application/vnd.pypi.simple.v1+html";
    internal const string Html = "text/html";
    internal const string Gzip = "gzip";
    internal const string Brotli = "br";

    // In order of preference: whoever takes anything is a browser, or a program that knows PEP 503 alone
    private static readonly string[] SimpleTypes = [Html, SimpleHtml, SimpleJson];

    private static readonly string[] Encodings = [Brotli, Gzip];
    private static readonly HeaderAnswers<string?> SimpleTypesAsked = new(ReadSimpleType);
    private static readonly HeaderAnswers<string?> EncodingsAsked = new(ReadEncoding);

    /// <summary>
    /// The form of the simple index to send (PEP 691): one of three media types, or null when the client takes none. A
    /// <c>format</c> in the query says it in full, and stands above the header.
    /// </summary>
    internal static string? SimpleType(StringValues accept, StringValues format)
    {
        // PEP 691 has the plus sign as it is in a query, where it stands for a blank
        if (format.Count > 0)
            return Array.Find(SimpleTypes, type => type == Versioned((format[0] ?? "").Replace(' ', '+')));
        return accept.Count == 0 ? Html : SimpleTypesAsked.Of(accept);
    }

    private static string? ReadSimpleType(StringValues accept)
    {
        if (!MediaTypeHeaderValue.TryParseList(accept, out var ranges) || ranges.Count == 0) return Html;
        var best = SimpleTypes.MaxBy(type => QualityOf(type, ranges))!;
        return QualityOf(best, ranges) > 0 ? best : null;
    }

    /// <summary>The encoding to send a text in; null for none.</summary>
    internal static string? Encoding(StringValues acceptEncoding) =>
        acceptEncoding.Count == 0 ? null : EncodingsAsked.Of(acceptEncoding);

    private static string? ReadEncoding(StringValues acceptEncoding)
    {
        if (!StringWithQualityHeaderValue.TryParseList(acceptEncoding, out var codings)) return null;
        var best = Encodings.MaxBy(encoding => QualityOf(encoding, codings))!;
        return QualityOf(best, codings) > 0 ? best : null;
    }

    /// <summary>Whether the client takes what lies here compressed as it is.</summary>
    internal static bool TakesGzip(StringValues acceptEncoding) =>
        StringWithQualityHeaderValue.TryParseList(acceptEncoding, out var codings) && QualityOf(Gzip, codings) > 0;

    /// <summary>Whether the client asks for a page by its name, as browsers do and programs do not.</summary>
    internal static bool AsksForPage(StringValues accept) =>
        MediaTypeHeaderValue.TryParseList(accept, out var ranges) &&
        ranges.Any(range => range.MediaType.Equals(Html, StringComparison.OrdinalIgnoreCase) && range.Quality is not 0);

    private static string Versioned(string type) =>
        type.Replace(
            "application/vnd.pypi.simple.latest+", "application/vnd.pypi.simple.v1+", StringComparison.Ordinal);

    // RFC 9110 section 12.5.1: the most specific range that fits counts
    private static double QualityOf(string type, IList<MediaTypeHeaderValue> ranges)
    {
        var mediaType = new MediaTypeHeaderValue(type);
        var best = ranges
            .Where(range => range.MatchesAllTypes ||
                (range.MatchesAllSubTypes
                    ? range.Type.Equals(mediaType.Type, StringComparison.OrdinalIgnoreCase)
                    : Versioned(range.MediaType.ToString().ToLowerInvariant()) == type))
            .MinBy(range => range.MatchesAllTypes ? 2 : range.MatchesAllSubTypes ? 1 : 0);
        return best is null ? 0 : best.Quality ?? 1;
    }

    private static double QualityOf(string encoding, IList<StringWithQualityHeaderValue> codings)
    {
        var named = codings.FirstOrDefault(coding => coding.Value.Equals(encoding, StringComparison.OrdinalIgnoreCase))
            ?? codings.FirstOrDefault(coding => coding.Value == "*");
        return named is null ? 0 : named.Quality ?? 1;
    }
}
