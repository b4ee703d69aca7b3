using System.Globalization;

namespace Piwheels.Pages;

/// <summary>
/// A colour of the operator's own for links and buttons. On each theme's ground it is made darker or lighter as far as
/// it takes to be read (WCAG 2.2, 1.4.3: a contrast of 4.5 at least).
/// </summary>
public readonly record struct SiteColour(byte Red, byte Green, byte Blue)
{
    private const double ContrastMin = 4.7;
    private const int Steps = 50;

    private static readonly SiteColour Black = new(0, 0, 0);
    private static readonly SiteColour White = new(255, 255, 255);

    // What is darkest behind words on light pages, and lightest on dark ones; see site.css
    private static readonly SiteColour LightGround = Parse("#f2f0ea");
    private static readonly SiteColour DarkGround = Parse("#2c3437");

    /// <summary>As it is read on light pages.</summary>
    public SiteColour OnLight => Readable(LightGround, Black);

    /// <summary>As it is read on dark pages.</summary>
    public SiteColour OnDark => Readable(DarkGround, White);

    /// <summary>What the style sheet is told of it.</summary>
    public string Style =>
        $":root {{ --accent: light-dark({OnLight}, {OnDark}); --accent-ink: light-dark({White}, {Black}); }}\n";

    /// <summary>Reads <c>#rrggbb</c>.</summary>
    /// <exception cref="FormatException">It is something else.</exception>
    public static SiteColour Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text is ['#', .. { Length: 6 } digits] &&
            int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number)
            ? new SiteColour((byte)(number >> 16), (byte)(number >> 8), (byte)number)
            : throw new FormatException($"'{text}' is no colour as #RRGGBB");
    }

    /// <summary>The contrast of two colours, from 1 to 21 (WCAG 2.2).</summary>
    public static double Contrast(SiteColour one, SiteColour other)
    {
        var (light, dark) = (Math.Max(one.Luminance, other.Luminance), Math.Min(one.Luminance, other.Luminance));
        return (light + 0.05) / (dark + 0.05);
    }

    public override string ToString() => $"#{Red:x2}{Green:x2}{Blue:x2}";

    private double Luminance => (0.2126 * Linear(Red)) + (0.7152 * Linear(Green)) + (0.0722 * Linear(Blue));

    private SiteColour Readable(SiteColour ground, SiteColour towards)
    {
        for (var step = 0; step < Steps; step++)
        {
            var colour = Mixed(towards, (double)step / Steps);
            if (Contrast(colour, ground) >= ContrastMin) return colour;
        }

        return towards;
    }

    private SiteColour Mixed(SiteColour other, double share)
    {
        return new SiteColour(Mix(Red, other.Red), Mix(Green, other.Green), Mix(Blue, other.Blue));

        byte Mix(byte one, byte two) => (byte)Math.Round(one + ((two - one) * share));
    }

    private static double Linear(byte value)
    {
        var share = value / 255.0;
        return share <= 0.04045 ? share / 12.92 : Math.Pow((share + 0.055) / 1.055, 2.4);
    }
}
