using Piwheels.Master.Publishing;
using Piwheels.Pages;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Publishing;

/// <summary>A site's own logo and colour.</summary>
public sealed class SiteLookTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("#ffff00")]
    [InlineData("#FFFFFF")]
    [InlineData("#000000")]
    [InlineData("#7f7f7f")]
    [InlineData("#c51a4a")]
    public void Any_colour_can_be_read_on_light_and_dark_pages(string text)
    {
        var colour = SiteColour.Parse(text);
        Assert.True(SiteColour.Contrast(colour.OnLight, SiteColour.Parse("#f2f0ea")) >= 4.5);
        Assert.True(SiteColour.Contrast(colour.OnDark, SiteColour.Parse("#2c3437")) >= 4.5);
        Assert.True(SiteColour.Contrast(colour.OnLight, SiteColour.Parse("#ffffff")) >= 4.5);
        Assert.True(SiteColour.Contrast(colour.OnDark, SiteColour.Parse("#000000")) >= 4.5);
    }

    [Fact]
    public void A_colour_that_can_be_read_stays_as_it_is() =>
        Assert.Equal("#0b6e64", SiteColour.Parse("#0B6E64").OnLight.ToString());

    [Fact]
    public void Contrast_is_what_the_rules_say()
    {
        Assert.Equal(21, SiteColour.Contrast(SiteColour.Parse("#000000"), SiteColour.Parse("#ffffff")), 3);
        Assert.Equal(4.54, SiteColour.Contrast(SiteColour.Parse("#767676"), SiteColour.Parse("#ffffff")), 2);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0b6e64")]
    [InlineData("#0b6e6")]
    [InlineData("#0b6e6g")]
    [InlineData("red;}body{display:none")]
    public void What_is_no_colour_is_refused(string text) =>
        Assert.Throws<FormatException>(() => SiteColour.Parse(text));

    [Fact]
    public void A_logo_is_an_svg_or_a_png_and_not_large()
    {
        Assert.Equal(".svg", SiteImage.Read(_folder.Write("logo", "<?xml version=\"1.0\"?><svg/>")).Extension);
        Assert.Throws<FormatException>(() => SiteImage.Read(_folder.Write("page", "<html>")));
        Assert.Throws<FormatException>(() => SiteImage.Read(_folder["nowhere"]));
        Assert.Throws<FormatException>(() => SiteImage.Read(_folder.Write("large", "<svg>" + new string(' ', SiteImage.BytesMax))));
        File.WriteAllBytes(_folder["png"], [0x89, (byte)'P', (byte)'N', (byte)'G', 0]);
        Assert.Equal(".png", SiteImage.Read(_folder["png"]).Extension);
    }

    [Fact]
    public async Task Pages_load_what_is_the_sites_own()
    {
        var logo = SiteImage.Read(_folder.Write("logo", "<svg id=\"own\"/>"));
        var site = Sample.Site() with { Logo = logo, Colour = SiteColour.Parse("#c51a4a") };
        var pages = new SitePages(new SiteFolder(_folder["site"]), new WholeFile(flush: false), site);
        await pages.WriteFixedAsync();
        var page = await File.ReadAllTextAsync(_folder["site/faq.html"]);
        Assert.Contains($"<img src=\"{logo.Address}\"", page, StringComparison.Ordinal);
        Assert.Contains("/static/own.css?v=c51a4a", page, StringComparison.Ordinal);
        Assert.Contains("id=\"own\"", await File.ReadAllTextAsync(_folder["site/static/own-logo.svg"]), StringComparison.Ordinal);
        Assert.Contains("--accent: light-dark(#", await File.ReadAllTextAsync(_folder["site/static/own.css"]), StringComparison.Ordinal);
    }
}
