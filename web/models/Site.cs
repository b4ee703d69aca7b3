namespace Piwheels.Pages;

/// <summary>What every page shows: the site's own name, links and words.</summary>
/// <param name="Url">Where the site is reached, without a slash at the end; empty when not known.</param>
/// <param name="Links">Links of the footer.</param>
/// <param name="Footer">A line of the operator's own; may be empty.</param>
/// <param name="IndexUrl">The index that packages come from, for people.</param>
/// <param name="AbiNames">What an ABI tag is called, e.g. "cp311": "Bookworm, Python 3.11".</param>
public sealed record Site(
    string Title,
    string Url,
    IReadOnlyList<SiteLink> Links,
    string Footer,
    string IndexUrl,
    IReadOnlyDictionary<string, string> AbiNames)
{
    /// <summary>The order of ABI tags: by the letters, then by the number, so that cp39 comes before cp311.</summary>
    public static readonly IComparer<string> AbiOrder = Comparer<string>.Create(static (left, right) =>
    {
        var order = string.CompareOrdinal(left.TrimEnd(Digits), right.TrimEnd(Digits));
        if (order == 0) order = left.Length.CompareTo(right.Length);
        return order != 0 ? order : string.CompareOrdinal(left, right);
    });

    /// <summary>A logo of its own.</summary>
    public SiteImage? Logo { get; init; }

    /// <summary>A colour of its own.</summary>
    public SiteColour? Colour { get; init; }

    /// <summary>Where the logo is.</summary>
    public string LogoAddress => Logo?.Address ?? $"/static/logo.svg?v={StaticFiles.Tag}";

    /// <summary>Where the style of its own is, below the site's folder; there where it has a colour of its own.</summary>
    public const string StylePath = "static/own.css";

    /// <summary>The feed of new builds; there where the site's own address is known.</summary>
    public const string FeedPath = "/feed.atom";

    private static readonly char[] Digits = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

    /// <summary>What an ABI tag is called; the tag itself where it has no name.</summary>
    public string AbiName(string tag) => AbiNames.GetValueOrDefault(tag, tag);

    /// <summary>The address of a path of the site: absolute where the site's own is known.</summary>
    public string Address(string path) => Url + path;
}

/// <summary>A link of the operator's own; http, https, mailto, or a path of the site.</summary>
public sealed record SiteLink(string Text, string Url)
{
    /// <summary>Whether the address is one that a page may lead to. Script and data URLs are none.</summary>
    public static bool IsAllowed(string url) =>
        (url.StartsWith('/') && !url.StartsWith("//", StringComparison.Ordinal) &&
            !url.StartsWith("/\\", StringComparison.Ordinal)) ||
        (Uri.TryCreate(url, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" or "mailto");
}

/// <summary>What stands in a page's head.</summary>
/// <param name="Path">Its own path, e.g. <c>/faq.html</c>.</param>
/// <param name="Script">A script of the page's own below /static/; null for none.</param>
/// <param name="Listed">Whether search engines may list it.</param>
public sealed record PageHead(
    Site Site,
    string Title,
    string Description,
    string Path,
    string? Script = null,
    bool Listed = true);
