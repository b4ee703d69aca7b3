using FsCheck.Xunit;
using Piwheels.Web;
using Xunit;

namespace Piwheels.Tests.Web;

public sealed class SitePathTests
{
    [Theory]
    [InlineData("/project", "/packages.html")]
    [InlineData("/project/", "/packages.html")]
    [InlineData("/p/NumPy", "/project/numpy/")]
    [InlineData("/p/numpy/", "/project/numpy/")]
    [InlineData("/project/NumPy/", "/project/numpy/")]
    [InlineData("/project/NumPy", "/project/numpy/")]
    [InlineData("/project/a__b/json/", "/project/a-b/json/")]
    [InlineData("/simple/A.B", "/simple/a-b/")]
    [InlineData("/simple/A.B/A.B-1+x-py3-none-any.whl", "/simple/a-b/A.B-1%2Bx-py3-none-any.whl")]
    [InlineData("/simple/a-b/", null)]
    [InlineData("/simple/a-b", null)]
    [InlineData("/simple/index.html", null)]
    [InlineData("/simple/", null)]
    [InlineData("/p/-no-name-", null)]
    [InlineData("/static/Site.css", null)]
    public void A_path_has_its_home_in_the_canonical_spelling(string path, string? home) =>
        Assert.Equal(home, SitePath.HomeOf(SitePath.Split(path)!));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("*")]
    [InlineData("http://x/")]
    [InlineData("//evil.example/")]
    [InlineData("/a//b")]
    [InlineData("/..")]
    [InlineData("/a/../b")]
    [InlineData("/.git/config")]
    [InlineData("/simple/.page-1.tmp")]
    [InlineData("/a\\..\\b")]
    [InlineData("/a%2fb")]
    [InlineData("/a\0b")]
    [InlineData("/a\r\nb")]
    [InlineData("/c:/x")]
    public void A_path_that_is_not_plain_leads_to_nothing(string? path) => Assert.Null(SitePath.Split(path));

    [Property]
    public void A_home_lies_on_this_site(string? rest)
    {
        if (SitePath.Split("/p/" + rest) is not { } segments || SitePath.HomeOf(segments) is not { } home) return;
        Assert.Matches("^/(packages\\.html|project/[a-z0-9-]+/)$", home);
    }

    [Theory]
    [InlineData("127.0.0.1:8080", "127.0.0.1", 8080)]
    [InlineData("localhost:0", "127.0.0.1", 0)]
    [InlineData("[::1]:80", "::1", 80)]
    [InlineData("*:65535", null, 65535)]
    public void An_address_to_listen_on_is_read(string text, string? address, int port)
    {
        var listen = ListenAddress.Parse(text);
        Assert.Equal(address, listen.Address?.ToString());
        Assert.Equal(port, listen.Port);
    }

    [Theory]
    [InlineData("")]
    [InlineData("8080")]
    [InlineData("127.0.0.1")]
    [InlineData("127.0.0.1:")]
    [InlineData("127.0.0.1:65536")]
    [InlineData("127.0.0.1:-1")]
    [InlineData("127.0.0.1:http")]
    [InlineData("::1:80")]
    [InlineData("example.org:80")]
    [InlineData(":80")]
    public void What_is_no_address_to_listen_on_is_refused_in_one_line(string text)
    {
        var refused = Assert.Throws<WebServerException>(() => ListenAddress.Parse(text));
        Assert.DoesNotContain("\n", refused.Message, StringComparison.Ordinal);
    }
}
