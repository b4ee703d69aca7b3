using Piwheels.Pages;

namespace Piwheels.Master.Publishing;

/// <summary>What the pages take from the master's configuration.</summary>
internal static class SiteFacts
{
    /// <summary>How long rewrites are gathered on a farm that follows a whole index.</summary>
    internal static readonly TimeSpan RewriteDelay = TimeSpan.FromMinutes(1);

    internal static readonly TimeSpan DevelopmentDelay = TimeSpan.FromSeconds(3);

    // Few packages, and somebody who waits for them
    internal static readonly TimeSpan SelectionDelay = TimeSpan.FromSeconds(1);

    internal static TimeSpan DelayOf(MasterConfiguration configuration) => configuration switch
    {
        { RewriteDelay: { } delay } => delay,
        { FollowSelection: true } => SelectionDelay,
        { DevMode: true } => DevelopmentDelay,
        _ => RewriteDelay,
    };

    internal static Site SiteOf(MasterConfiguration configuration) => new(
        configuration.SiteTitle,
        UrlOf(configuration.SiteUrl),
        [
            .. configuration.SiteLinks.Where(link => SiteLink.IsAllowed(link.Value))
                .Select(link => new SiteLink(link.Key, link.Value)),
        ],
        configuration.SiteFooter,
        configuration.PypiJson.GetLeftPart(UriPartial.Authority),
        configuration.AbiNames)
    {
        Logo = configuration.SiteLogo,
        Colour = configuration.SiteColour,
    };

    // An address that is none would make every link of the site a broken one
    private static string UrlOf(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
            ? uri.GetLeftPart(UriPartial.Path).TrimEnd('/')
            : "";
}
