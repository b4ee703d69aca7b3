using Piwheels.Web;
using Xunit;

namespace Piwheels.Tests.Web;

public sealed class NegotiationTests
{
    private const string Json = "application/vnd.pypi.simple.v1+json";
    private const string Html = "application/vnd.pypi.simple.v1+html";

    [Theory]
    [InlineData(null, "text/html")]
    [InlineData("*/*", "text/html")]
    [InlineData("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html")]
    [InlineData("text/*", "text/html")]
    [InlineData(Json, Json)]
    [InlineData("application/vnd.pypi.simple.latest+json", Json)]
    [InlineData("Application/VND.pypi.simple.v1+JSON", Json)]
    [InlineData(Html, Html)]
    [InlineData("application/*", Html)]
    [InlineData($"{Json}, {Html}; q=0.1, text/html; q=0.01", Json)]
    [InlineData($"{Json};q=0.2, text/html", "text/html")]
    [InlineData($"{Json};q=0, */*;q=0.1", "text/html")]
    [InlineData("text/html;q=0, */*", Html)]
    [InlineData("image/png", null)]
    [InlineData("text/html;q=0", null)]
    [InlineData("application/vnd.pypi.simple.v2+json", null)]
    [InlineData("nonsense", "text/html")]
    public void The_index_is_sent_in_the_form_that_is_liked_best(string? accept, string? type) =>
        Assert.Equal(type, Negotiation.SimpleType(accept, default));

    [Theory]
    [InlineData(Json, Json)]
    [InlineData("application/vnd.pypi.simple.latest+html", Html)]
    [InlineData("text/html", "text/html")]
    [InlineData("application/vnd.pypi.simple.v1 json", Json)]
    [InlineData("json", null)]
    [InlineData("", null)]
    public void The_format_in_the_query_stands_above_the_header(string format, string? type) =>
        Assert.Equal(type, Negotiation.SimpleType("text/html", format));

    [Theory]
    [InlineData(null, null)]
    [InlineData("", null)]
    [InlineData("gzip, deflate, br", "br")]
    [InlineData("gzip, deflate", "gzip")]
    [InlineData("br;q=0.1, gzip;q=0.5", "gzip")]
    [InlineData("*", "br")]
    [InlineData("*;q=0", null)]
    [InlineData("gzip;q=0, identity", null)]
    [InlineData("GZIP", "gzip")]
    public void Texts_are_sent_in_the_encoding_that_is_liked_best(string? accept, string? encoding) =>
        Assert.Equal(encoding, Negotiation.Encoding(accept));
}
