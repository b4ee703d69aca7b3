using Piwheels.Master;
using Piwheels.Pages;

namespace Piwheels.Cli.Options;

/// <summary>How a farm's pages look and what they say of it, as `piw master` takes it.</summary>
internal sealed class SiteSettings
{
    private const char Separator = ';';

    private readonly Setting<string> _title;
    private readonly Setting<string> _url;
    private readonly Setting<string> _footer;
    private readonly Setting<IReadOnlyDictionary<string, string>> _links;
    private readonly Setting<IReadOnlyDictionary<string, string>> _abiNames;
    private readonly Setting<SiteImage?> _logo;
    private readonly Setting<SiteColour?> _colour;

    /// <param name="defaults">What holds when nobody says anything.</param>
    /// <param name="add">Makes a setting one of the command's.</param>
    public SiteSettings(MasterConfiguration defaults, Action<Setting> add)
    {
        _title = Settings.Text("site-title", "The site's name on its pages", defaults.SiteTitle);
        _url = Settings.Text("site-url", "The URL that the site is reached at", defaults.SiteUrl);
        _footer = Settings.Text("site-footer", "A line at the foot of the pages", defaults.SiteFooter);
        _links = Pairs("site-links", "Links at the foot of the pages: TEXT=URL, separated by semicolons", CheckLink);
        _abiNames = Pairs(
            "abi-names", "What ABIs are called on the pages: ABI=TEXT, separated by semicolons", static (_, _) => { });
        _logo = new Setting<SiteImage?>("site-logo", "The site's own logo: an SVG or PNG file", null, SiteImage.Read);
        _colour = new Setting<SiteColour?>(
            "site-colour", "The colour of links and buttons: #RRGGBB", null, static text => SiteColour.Parse(text));
        foreach (var setting in (Setting[])[_title, _url, _footer, _links, _abiNames, _logo, _colour]) add(setting);
    }

    /// <summary>The configuration with what these say.</summary>
    public MasterConfiguration AddTo(MasterConfiguration configuration, SettingsSource source) => configuration with
    {
        SiteTitle = _title.In(source),
        SiteUrl = _url.In(source),
        SiteFooter = _footer.In(source),
        SiteLinks = _links.In(source),
        AbiNames = _abiNames.In(source),
        SiteLogo = _logo.In(source),
        SiteColour = _colour.In(source),
    };

    private static Setting<IReadOnlyDictionary<string, string>> Pairs(
        string name, string description, Action<string, string> check) =>
        new(name, description, new Dictionary<string, string>(), text => ParsePairs(text, check));

    private static Dictionary<string, string> ParsePairs(string text, Action<string, string> check)
    {
        var pairs = new Dictionary<string, string>(StringComparer.Ordinal);
        const StringSplitOptions Clean = StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries;
        foreach (var entry in text.Split(Separator, Clean))
        {
            if (entry.Split('=', 2, StringSplitOptions.TrimEntries) is not [{ Length: > 0 } key, { Length: > 0 } value])
                throw new FormatException($"'{entry}' is not NAME=VALUE");
            check(key, value);
            if (!pairs.TryAdd(key, value)) throw new FormatException($"'{key}' comes twice");
        }

        return pairs;
    }

    private static void CheckLink(string text, string url)
    {
        if (!SiteLink.IsAllowed(url))
            throw new FormatException($"'{url}' is no address by http, https or mailto, and no path of the site");
    }
}
