using Piwheels.Master.Upstream;
using Xunit;

namespace Piwheels.Tests.Upstream;

public sealed class AnchorReaderTests
{
    [Fact]
    public void Links_are_found_with_their_attributes()
    {
        var tags = Read("""
            <!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.0"><base href="/x/"></head>
            <body><h1>Links</h1>
            <a href="../../a.tar.gz#sha256=00" data-requires-python="&gt;=3.6,&lt;4">a.tar.gz</a><br/>
            <A HREF='b.whl' data-yanked data-core-metadata = "sha256=11" >b</A><a href=c.zip>c</a></body></html>
            """);
        Assert.Equal(["meta", "base", "a", "a", "a"], tags.Select(t => t.Name));
        Assert.Equal("../../a.tar.gz#sha256=00", tags[2].Attributes["href"]);
        Assert.Equal(">=3.6,<4", tags[2].Attributes["data-requires-python"]);
        Assert.Equal("b.whl", tags[3].Attributes["href"]);
        Assert.Equal("", tags[3].Attributes["data-yanked"]);
        Assert.Equal("sha256=11", tags[3].Attributes["data-core-metadata"]);
        Assert.Equal("c.zip", tags[4].Attributes["href"]);
    }

    [Fact]
    public void Comments_scripts_and_styles_hide_what_is_in_them()
    {
        var tags = Read("""
            <!-- <a href="1"> --><script>var x = '<a href="2">';</script><style>a { content: "<a href=3>" }</style>
            <a href="4"><!-- unended <a href="5">
            """);
        Assert.Equal("4", Assert.Single(tags).Attributes["href"]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("<")]
    [InlineData("<a")]
    [InlineData("<a href")]
    [InlineData("<a href=")]
    [InlineData("<a href=\"x")]
    [InlineData("<a =x>")]
    [InlineData("<!")]
    [InlineData("<script>")]
    [InlineData("<<a>>")]
    [InlineData("< a href='x'>")]
    public void Broken_text_is_survived(string html) => Assert.InRange(Read(html).Count, 0, 1);

    [Fact]
    public void Time_is_linear_in_the_length()
    {
        // Each of these would take minutes if a part were read again and again
        Read(string.Concat(Enumerable.Repeat("<a ", 500_000)));
        Read("<a " + string.Concat(Enumerable.Repeat("x=\"", 500_000)));
        Read(string.Concat(Enumerable.Repeat("<script>", 200_000)));
        Read(string.Concat(Enumerable.Repeat("<!--", 500_000)));
    }

    private static List<HtmlTag> Read(string html) => [.. AnchorReader.Read(html)];
}
