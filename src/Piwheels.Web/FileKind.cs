namespace Piwheels.Web;

/// <summary>How files of a kind are served.</summary>
/// <param name="MediaType">The Content-Type.</param>
/// <param name="CacheControl">How long they may be kept.</param>
/// <param name="Compressible">Whether they are texts, worth compressing on the way.</param>
/// <param name="Shared">Whether pages of other sites may read them.</param>
internal sealed record FileKind(string MediaType, string CacheControl, bool Compressible = false, bool Shared = false)
{
    // To be asked for again each time; the answer is 304 as long as nothing has changed
    private const string Fresh = "no-cache";
    private const string Forever = "public, max-age=31536000, immutable";

    private const string LogKept = "public, max-age=86400";

    internal static readonly FileKind Log = new("text/plain; charset=utf-8", LogKept);
    internal static readonly FileKind LogPage = new("text/html; charset=utf-8", LogKept);

    private static readonly FileKind Page = new("text/html; charset=utf-8", Fresh, Compressible: true);
    private static readonly FileKind Wheel = new("application/octet-stream", Forever, Shared: true);
    private static readonly FileKind Json = new("application/json", Fresh, Compressible: true, Shared: true);
    private static readonly FileKind SimpleJson = Json with { MediaType = Negotiation.SimpleJson };

    internal static FileKind Of(string[] segments, string name, bool versioned)
    {
        if (IsLog(segments)) return Log;
        var kind = Path.GetExtension(name) switch
        {
            ".html" => Page,
            ".whl" => Wheel,
            ".metadata" => Wheel with { Compressible = true },
            ".json" => Json,
            ".v1_json" => SimpleJson,
            ".css" => new FileKind("text/css; charset=utf-8", Fresh, Compressible: true),
            ".js" => new FileKind("text/javascript; charset=utf-8", Fresh, Compressible: true),
            ".svg" => new FileKind("image/svg+xml", Fresh, Compressible: true),
            ".xml" => new FileKind("application/xml", Fresh, Compressible: true),
            ".atom" => new FileKind("application/atom+xml", Fresh, Compressible: true),
            ".txt" => new FileKind("text/plain; charset=utf-8", Fresh, Compressible: true),
            ".png" => new FileKind("image/png", Fresh),
            ".ico" => new FileKind("image/x-icon", Fresh),
            _ => new FileKind("application/octet-stream", Fresh),
        };
        // Pages ask for these with a tag of the content in the query
        return segments[0] == "static" && versioned ? kind with { CacheControl = Forever } : kind;
    }

    // logs/AAAA/BBBB/CCCC.txt.gz, a number in twelve digits
    private static bool IsLog(string[] segments) =>
        segments is ["logs", { Length: 4 } high, { Length: 4 } middle, { Length: 11 } low] &&
        low.EndsWith(".txt.gz", StringComparison.Ordinal) &&
        high.All(char.IsAsciiDigit) && middle.All(char.IsAsciiDigit) && low.Take(4).All(char.IsAsciiDigit);
}
