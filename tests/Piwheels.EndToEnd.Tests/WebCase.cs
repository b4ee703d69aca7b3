namespace Piwheels.EndToEnd.Tests;

/// <summary>What a request is to be answered by, whichever server it is.</summary>
/// <param name="Target">The request's target, as it is sent.</param>
/// <param name="Status">The status, or several that mean the same to a client: a pattern.</param>
internal sealed record WebCase(string Target, string Status)
{
    public string Method { get; init; } = "GET";

    /// <summary>Lines of the head.</summary>
    public string[] Headers { get; init; } = [];

    /// <summary>The content, unpacked; null for any.</summary>
    public string? Text { get; init; }

    /// <summary>Headers that are due, by patterns of their values; a null is one that must not be there.</summary>
    public (string Name, string? Pattern)[] Has { get; init; } = [];

    /// <summary>The path that redirects lead to in the end.</summary>
    public string? Home { get; init; }

    /// <summary>Servers that do otherwise, as the documents say.</summary>
    public string[] Not { get; init; } = [];

    public override string ToString() => $"{Method} {Target} {string.Join(", ", Headers)}";

    private const string Json = "application/vnd.pypi.simple.v1+json";
    private const string Html = "application/vnd.pypi.simple.v1+html";
    private const string Refused = "400|403|404";
    private const string Browser = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    private const string Pip = $"Accept: {Json}, {Html}; q=0.1, text/html; q=0.01";
    private const string Wheel = "/simple/foo/foo-1.0-py3-none-any.whl";
    private const string Log = "/logs/0000/0000/0001.txt.gz";

    private static readonly string[] Static = [WebServerProcess.Nginx, WebServerProcess.Apache];

    /// <summary>What is asked, of the site that <see cref="SampleSite"/> makes.</summary>
    public static IReadOnlyList<WebCase> All { get; } =
    [
        // Files as what they are
        Page("/", "home"), Page("/index.html", "home"), Page("/simple/", "root html"), Page("/project/foo/", "page of foo"),
        Page("/packages.html", SampleSite.LongText),
        new("/project/foo/json/", "200") { Text = "{}", Has = [("Content-Type", "^application/json"), Shared] },
        new("/packages.json", "200") { Text = "[]", Has = [("Content-Type", "^application/json"), Shared] },
        new("/simple/foo/index.v1_json", "200")
        {
            Text = SampleSite.FooJson,
            Has = [("Content-Type", "simple.v1.json$"), Shared],
        },
        new(Wheel, "200")
        {
            Text = "0123456789",
            Has = [Forever, Shared, Octets, Tagged, ("Accept-Ranges", "^bytes$")],
        },
        new(Wheel + ".metadata", "200") { Text = "Name: foo\n", Has = [Forever, Shared, Octets] },
        new("/simple/foo/inner.whl", "200") { Text = "0123456789", Has = [Octets] },
        new("/static/site.css?v=1", "200")
        {
            Text = SampleSite.LongText,
            Has = [Forever, ("Content-Type", "^text/css; charset=utf-8$")],
        },
        new("/static/site.css", "200") { Has = [Fresh] },
        new("/sitemap.xml", "200") { Has = [("Content-Type", "^(application|text)/xml"), Fresh] },
        // The form of the index
        Index("", "foo html", "^text/html"), Index("Accept: */*", "foo html", "^text/html"),
        Index(Browser, "foo html", "^text/html"),
        Index(Pip, SampleSite.FooJson, $"^{Pattern(Json)}$"), Index("Accept: " + Json, SampleSite.FooJson, $"^{Pattern(Json)}$"),
        Index("Accept: application/vnd.pypi.simple.latest+json", SampleSite.FooJson, $"^{Pattern(Json)}$"),
        Index("Accept: " + Html, "foo html", $"^{Pattern(Html)}"),
        Index($"Accept: {Json};q=0.2, text/html", "foo html", "^text/html"),
        Index($"Accept: {Json};q=0.2, text/html;q=0.1", SampleSite.FooJson, $"^{Pattern(Json)}$") with { Not = Static },
        new("/simple/foo/", "406") { Headers = ["Accept: image/png"], Not = Static },
        new("/simple/", "200") { Headers = [Pip], Text = "{}" },
        new($"/simple/foo/?format={Json}", "200") { Text = SampleSite.FooJson, Headers = [Browser] },
        new($"/simple/foo/?format={Uri.EscapeDataString(Html)}", "200")
        {
            Text = "foo html",
            Has = [("Content-Type", Pattern(Html))],
        },
        new("/simple/foo/?format=text/html", "200") { Text = "foo html", Headers = [Pip] },
        new("/simple/foo/?format=x", "406"),
        // Packed
        new("/packages.html", "200")
        {
            Headers = ["Accept-Encoding: gzip"],
            Text = SampleSite.LongText,
            Has = [Packed, VaryEncoding, Tagged],
        },
        new("/static/site.css", "200")
        {
            Headers = ["Accept-Encoding: gzip, br;q=0"],
            Text = SampleSite.LongText,
            Has = [Packed],
        },
        new("/packages.html", "200")
        {
            Headers = ["Accept-Encoding: gzip;q=0"],
            Text = SampleSite.LongText,
            Has = [NotPacked],
        },
        new(Wheel, "200") { Headers = ["Accept-Encoding: gzip"], Text = "0123456789", Has = [NotPacked] },
        new(Log, "200")
        {
            Headers = ["Accept-Encoding: gzip"],
            Text = "built well\n",
            Has = [Packed, PlainText, VaryEncoding],
        },
        new(Log, "200") { Text = "built well\n", Has = [NotPacked, PlainText, VaryEncoding] },
        new(Log + "?raw", "200") { Headers = [Browser], Text = "built well\n", Has = [PlainText] },
        new(Log, "200") { Headers = [Browser], Has = [("Content-Type", "^text/html")], Not = Static },
        // Parts
        Part("bytes=2-4", "206", "234"), Part("bytes=-3", "206", "789"), Part("bytes=7-", "206", "789"),
        Part("bytes=10-", "416", null), Part("bytes=0-1,5-6", "200|206", null), Part("lines=1-2", "200", "0123456789"),
        // Where things are
        Moved("/project", "/packages.html"), Moved("/project/", "/packages.html"), Moved("/p", "/packages.html"),
        Moved("/p/foo", "/project/foo/"), Moved("/p/foo/", "/project/foo/"), Moved("/project/foo", "/project/foo/"),
        Moved("/simple", "/simple/"), Moved("/simple/foo", "/simple/foo/"),
        Moved("/project/foo/json", "/project/foo/json/"),
        Moved("/project/FOO/", "/project/foo/") with { Not = [WebServerProcess.Nginx] },
        Moved("/simple/Foo/", "/simple/foo/") with { Not = [WebServerProcess.Nginx] },
        Moved("/simple/a__B.c-.d/", "/simple/a-b-c-d/") with { Not = [WebServerProcess.Nginx] },
        Moved("/p/FOO", "/project/foo/") with { Not = [WebServerProcess.Nginx] },
        new("/project/Foo/", "200|301"),
        // What is not to be seen
        None("/missing"), None("/simple/missing/"), None("/empty/"), None("/static/"), None("/.hidden"),
        None("/.git/config"),
        None("/%2ehidden"), None("/simple/foo/.hidden.whl"),
        .. Escapes("/../secret", "/%2e%2e/secret", "/simple/../../secret", "/simple/%2e%2e/%2e%2e/secret", "/..%2fsecret",
            "/%2e%2e%2fsecret", "/simple/foo/..%2f..%2f..%2fsecret", "/..%5csecret", "/..\\secret", "/%00", "/index.html%00",
            "/%252e%252e/secret", "/..%c0%afsecret", "/simple/foo/far.whl", "/simple/out/secret", "//etc/passwd",
            "/simple/foo/%0d%0aX-Evil:%201", $"/{new string('a', 300)}"),
        .. Escapes("/simple/foo/up.whl", "/simple/foo/hidden.whl").Select(each => each with { Not = Static }),
        new($"/{new string('a', 50_000)}", "414"),
        new("/", "400|431") { Headers = [$"X: {new string('x', 100_000)}"] },
        // What is asked otherwise
        new("/", "200") { Method = "HEAD", Text = "" }, new("/missing", "404") { Method = "HEAD", Text = "" },
        new("/", "405") { Method = "POST" }, new("/packages.json", "405") { Method = "PUT" },
        new(Wheel, "405") { Method = "DELETE" }, new("/", "405") { Method = "TRACE" },
        new("/packages.json", "204") { Method = "OPTIONS", Has = [("Allow", "GET, HEAD, OPTIONS"), Shared] },
    ];

    private static (string, string?) Shared => ("Access-Control-Allow-Origin", @"^\*$");

    private static (string, string?) Forever => ("Cache-Control", "^public, max-age=31536000, immutable$");

    private static (string, string?) Fresh => ("Cache-Control", "^no-cache$");

    private static (string, string?) Octets => ("Content-Type", "^application/octet-stream$");

    private static (string, string?) PlainText => ("Content-Type", "^text/plain; charset=utf-8$");

    private static (string, string?) Packed => ("Content-Encoding", "^gzip$");

    private static (string, string?) NotPacked => ("Content-Encoding", null);

    private static (string, string?) VaryEncoding => ("Vary", "Accept-Encoding");

    private static (string, string?) Tagged => ("ETag", "^(W/)?\".+\"$");

    private static (string, string?) Guarded => ("Content-Security-Policy", "default-src 'none'");

    private static string Pattern(string text) => System.Text.RegularExpressions.Regex.Escape(text);

    private static WebCase Page(string target, string text) => new(target, "200")
    {
        Text = text,
        Has = [("Content-Type", "^text/html; charset=utf-8$"), Fresh, Tagged, Guarded, ("X-Content-Type-Options", "^nosniff$")],
    };

    private static WebCase Index(string header, string text, string type) => new("/simple/foo/", "200")
    {
        Headers = header.Length == 0 ? [] : [header],
        Text = text,
        Has = [("Content-Type", type), ("Vary", @"\bAccept(,|$)"), Shared, Fresh],
    };

    private static WebCase Part(string range, string status, string? text) =>
        new(Wheel, status) { Headers = ["Range: " + range], Text = text };

    private static WebCase Moved(string target, string home) => new(target, "301") { Home = home };

    private static WebCase None(string target) => new(target, "404")
    {
        Text = "nothing here",
        Has = [("Content-Type", "^text/html; charset=utf-8$"), Fresh, ("Access-Control-Allow-Origin", @"^\*$")],
    };

    private static IEnumerable<WebCase> Escapes(params string[] targets) =>
        targets.Select(target => new WebCase(target, Refused) { Has = [("X-Evil", null)] });
}
