using System.Globalization;

namespace Piwheels.Bench.Generating;

/// <summary>How much is made: PyPI's size of 2026, or a part of it.</summary>
/// <param name="Today">The day whose beginning is the data's present.</param>
internal sealed record Sizes(double Scale, DateOnly Today)
{
    /// <summary>Below this the thousand versions of one package would be most of all.</summary>
    public const double ScaleMin = 0.001;

    public const double ScaleMax = 10;

    public long Packages => (long)(740_000 * Scale);
    public long Versions => (long)(8_300_000 * Scale);
    public long Downloads => (long)(20_000_000 * Scale);

    /// <summary>Puts the figures into a script's places for them.</summary>
    public string Fill(string script) => script
        .Replace("{scale}", Scale.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
        .Replace("{packages}", Packages.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
        .Replace("{versions}", Versions.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
        .Replace("{downloads}", Downloads.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
        .Replace("{today}", Today.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), StringComparison.Ordinal);
}
