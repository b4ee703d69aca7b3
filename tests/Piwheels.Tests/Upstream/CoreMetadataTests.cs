using Piwheels.Master.Upstream;
using Xunit;

namespace Piwheels.Tests.Upstream;

public sealed class CoreMetadataTests
{
    [Fact]
    public void The_headers_are_read_and_the_body_is_not()
    {
        var metadata = CoreMetadata.Parse(
            "Metadata-Version: 2.1\r\nName: Foo.Bar\r\nVERSION: 1.0\r\nSummary: A thing:\r\n  for  things\r\n" +
            "Requires-Dist: a (>=1)\r\nRequires-Dist: b;\r\n\tpython_version < '3'\r\nRequires-Python: >=3\r\n" +
            "License: UNKNOWN\r\n\r\nRequires-Dist: not-this\r\n");
        Assert.Equal("Foo.Bar", metadata.Name);
        Assert.Equal("1.0", metadata.Version);
        Assert.Equal("A thing: for  things", metadata.Summary);
        Assert.Equal(">=3", metadata.RequiresPython);
        Assert.Equal(["a (>=1)", "b; python_version < '3'"], metadata.RequiresDist);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("no header here\n: empty key\n  continued\n")]
    [InlineData("Name: UNKNOWN\nSummary:\n")]
    public void What_is_not_there_is_absent(string text)
    {
        var metadata = CoreMetadata.Parse(text);
        Assert.Null(metadata.Name);
        Assert.Null(metadata.Summary);
        Assert.Empty(metadata.RequiresDist);
    }

    [Fact]
    public void Requirements_without_end_are_cut_off()
    {
        var lines = Enumerable.Range(0, CoreMetadata.RequirementsMax + 10).Select(i => $"Requires-Dist: a{i}\n");
        var text = string.Concat(lines);
        Assert.Equal(CoreMetadata.RequirementsMax, CoreMetadata.Parse(text).RequiresDist.Count);
    }
}
