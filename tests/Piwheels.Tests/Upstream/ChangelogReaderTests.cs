using System.Text;
using System.Xml;
using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Upstream;

/// <summary>Answers of the change log, from good ones to such as are meant to do harm.</summary>
public sealed class ChangelogReaderTests
{
    private const string Good =
        "<value><array><data><value><string>good</string></value><value><string>1.0</string></value>" +
        "<value><int>1700000000</int></value><value><string>create</string></value><value><int>5</int></value>" +
        "</data></array></value>";

    [Fact]
    public async Task A_row_is_name_version_seconds_action_and_serial()
    {
        var rows = await RowsAsync(Good);
        Assert.Equal(
            new PypiEvent("good", "1.0", DateTimeOffset.FromUnixTimeSeconds(1_700_000_000), "create", 5),
            Assert.Single(rows.Events));
    }

    /// <summary>However XML-RPC lets one write it, and in other types than PyPI's.</summary>
    [Theory]
    [InlineData("<value><int>5</int></value>", "<value><string>5</string></value>")]
    [InlineData("<value><int>5</int></value>", "<value><i8>5</i8></value>")]
    [InlineData("<value><int>5</int></value>", "<value><i4>5</i4></value>")]
    [InlineData("<value><int>5</int></value>", "<value>5</value>")]
    [InlineData("<string>good</string>", "good")]
    [InlineData("<string>good</string>", "<string><![CDATA[go]]>od</string>")]
    [InlineData("<string>good</string>", "<string>g&#111;<!-- ! -->od</string>")]
    public async Task A_row_may_be_written_in_other_ways(string as_, string other)
    {
        var rows = await RowsAsync(Good.Replace(as_, other, StringComparison.Ordinal));
        Assert.Equal(("good", 5), (Assert.Single(rows.Events).Name, rows.Events[0].Serial));
    }

    [Theory]
    [InlineData("<string>1.0</string>", "<nil/>")]
    [InlineData("<string>1.0</string>", "<nil></nil>")]
    [InlineData("<string>1.0</string>", "<string></string>")]
    [InlineData("<string>1.0</string>", "<string/>")]
    [InlineData("<value><string>1.0</string></value>", "<value></value>")]
    [InlineData("<value><string>1.0</string></value>", "<value/>")]
    public async Task No_version_is_written_in_many_ways(string as_, string other)
    {
        var rows = await RowsAsync(Good.Replace(as_, other, StringComparison.Ordinal));
        Assert.Null(Assert.Single(rows.Events).Version);
    }

    [Theory]
    [InlineData("<value><string>create</string></value>", "")]
    [InlineData("<value><string>create</string></value>", "<value><nil/></value>")]
    [InlineData("<value><string>good</string></value>", "<value><nil/></value>")]
    [InlineData("<string>good</string>", "<struct><member><name>a</name><value>b</value></member></struct>")]
    [InlineData("<string>good</string>", "<array><data/></array>")]
    [InlineData("<string>good</string>", "<string>good<b/></string>")]
    [InlineData("<string>good</string>", "good<string/>")]
    [InlineData("<int>5</int>", "<int>five</int>")]
    [InlineData("<int>5</int>", "<int>5.0</int>")]
    [InlineData("<int>5</int>", "<int>0</int>")]
    [InlineData("<int>5</int>", "<int>-5</int>")]
    [InlineData("<int>5</int>", "<int>99999999999999999999</int>")]
    [InlineData("<int>5</int>", "<int/>")]
    [InlineData("<int>5</int>", "<nil/>")]
    [InlineData("<int>1700000000</int>", "<int>-1</int>")]
    [InlineData("<int>1700000000</int>", "<int>9999999999999</int>")]
    [InlineData("<int>1700000000</int>", "<double>1.7e9</double>")]
    [InlineData("<int>1700000000</int>", "<boolean>1</boolean>")]
    [InlineData("<int>1700000000</int>", "<dateTime.iso8601>20240101T00:00:00</dateTime.iso8601>")]
    public async Task A_row_that_is_no_event_is_left_out_and_those_around_it_are_not(string as_, string other)
    {
        var rows = await RowsAsync(Good + Good.Replace(as_, other, StringComparison.Ordinal) + Good);
        Assert.Equal((2, 1), (rows.Events.Count, rows.Misshapen));
    }

    [Theory]
    [InlineData("<value/>")]
    [InlineData("<value></value>")]
    [InlineData("<value>text</value>")]
    [InlineData("<value><int>1</int></value>")]
    [InlineData("<value><array/></value>")]
    [InlineData("<value><array><data/></array></value>")]
    [InlineData("<value><struct/></value>")]
    [InlineData("<value><nil/><nil/></value>")]
    public async Task What_is_no_row_at_all_is_left_out(string row)
    {
        var rows = await RowsAsync(Good + row + Good);
        Assert.Equal((2, 1), (rows.Events.Count, rows.Misshapen));
    }

    /// <summary>One broken name must not take the batch with it, for then nothing would ever be read again.</summary>
    [Theory]
    [InlineData("a/../b")]
    [InlineData("a\\b")]
    [InlineData("&#1;")]
    [InlineData("&#0;")]
    [InlineData("\u0001\u001f\u007f\u0085")]
    [InlineData("a\uFFFFb\uFFFE")]
    [InlineData("&#xFFFF;")]
    [InlineData("&#xD800;")]
    [InlineData("a&#xDC00;&#xD800;b")]
    [InlineData("\U0001F600")]
    [InlineData("&lt;script&gt;")]
    [InlineData("\u202egnp")]
    public async Task Names_that_are_none_are_refused_one_by_one(string name)
    {
        var rows = await RowsAsync(Good.Replace("good", name, StringComparison.Ordinal) + Good);
        Assert.Equal(2, rows.Events.Count);
        Assert.IsType<UpstreamEffect.Refused>(UpstreamEffect.Of(rows.Events[0]));
        Assert.IsType<UpstreamEffect.Created>(UpstreamEffect.Of(rows.Events[1]));
    }

    [Theory]
    [InlineData(300)]
    [InlineData(4_096)]
    [InlineData(5_000)]
    [InlineData(200_000)]
    [InlineData(2_000_000)]
    public async Task A_long_name_is_refused(int length)
    {
        var rows = await RowsAsync(Good.Replace("good", new string('n', length), StringComparison.Ordinal) + Good);
        Assert.Equal(2, rows.Events.Count + rows.Misshapen);
        Assert.Equal(length > 4_096 ? 1 : 0, rows.Misshapen);
        var last = Assert.IsType<UpstreamEffect.Created>(UpstreamEffect.Of(rows.Events[^1]));
        Assert.Equal(PackageName.Parse("good"), last.Package);
        if (length <= 4_096) Assert.IsType<UpstreamEffect.Refused>(UpstreamEffect.Of(rows.Events[0]));
    }

    [Fact]
    public async Task Bytes_that_are_no_UTF8_spoil_one_name_alone()
    {
        var bytes = Bytes(Answer(Good.Replace("good", "b\u0002d", StringComparison.Ordinal) + Good)).ToArray();
        bytes[Array.IndexOf(bytes, (byte)2)] = 0xFF;
        var rows = Assert.IsType<XmlRpcAnswer.Rows>(await ReadAsync(new MemoryStream(bytes)));
        Assert.Equal(["b\uFFFDd", "good"], rows.Events.Select(e => e.Name));
    }

    [Fact]
    public async Task An_entity_is_never_expanded()
    {
        var entities = new StringBuilder("<!ENTITY e0 \"good\">");
        for (var i = 1; i < 30; i++) entities.Append($"<!ENTITY e{i} \"&e{i - 1};&e{i - 1};\">");
        foreach (var name in new[] { "e0", "e29" })
        {
            var bomb = $"<!DOCTYPE b [{entities}]>"
                + Answer(Good.Replace("good", $"&{name};", StringComparison.Ordinal), declaration: "");
            var fault = await Assert.ThrowsAsync<XmlException>(() => ReadAsync(Bytes(bomb)));
            Assert.Contains("DTD", fault.Message, StringComparison.Ordinal);
        }

        await Assert.ThrowsAsync<XmlException>(() => RowsAsync(Good.Replace("good", "&e0;", StringComparison.Ordinal)));
    }

    public static TheoryData<string, string, string> Bombs => new()
    {
        // Beginning, what is repeated, and what gives it away
        { Before, "<value><array><data>", "goes on and on" },
        { Before + "<value><array><data><value>", "<a>", "goes on and on" },
        { "<?xml version='1.0'?>", "<methodResponse>", "should be" },
        { "<methodResponse><params><param>", "<value>", "neither rows nor a number" },
        { "<methodResponse><fault>", "<value>", "should be" },
        { Before + "<value ", " a='1' b='2'", "" },
        { Before + "<value a='", "aaaaaaaa", "too long" },
        { Before + "<", "aaaaaaaa", "too long" },
        { Before + "<!-- ", "aaaaaaaa", "too long" },
        { Before + "<?p ", "aaaaaaaa", "too long" },
        { "", "        ", "too long" },
        { Before + "<value><struct>", "aaaaaaaa", "too long" },
        { Before, "<value/>", "more than 200,000 rows" },
    };

    private const string Before = "<methodResponse><params><param><value><array><data>";

    /// <summary>Each would go on for 60 MB, and is given up long before.</summary>
    [Theory]
    [MemberData(nameof(Bombs))]
    public async Task What_goes_on_and_on_is_given_up_early(string beginning, string repeated, string said)
    {
        var flood = new EndlessStream(beginning, repeated, 60 << 20);
        var fault = await Assert.ThrowsAnyAsync<XmlException>(() => ReadAsync(flood));
        Assert.Contains(said, fault.Message, StringComparison.Ordinal);
        Assert.InRange(flood.Given, 1, 4 << 20);
    }

    [Fact]
    public async Task An_endless_text_is_read_to_the_limit_and_not_kept()
    {
        var flood = new EndlessStream(Before + "<value><array><data><value><string>", "aaaaaaaa", 60 << 20);
        var before = GC.GetAllocatedBytesForCurrentThread();
        await Assert.ThrowsAnyAsync<XmlException>(() => ReadAsync(flood));
        Assert.InRange(flood.Given, 60 << 20, long.MaxValue);
        // All of it runs on this thread, since the stream never has one wait
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
    }

    [Fact]
    public async Task Fifty_thousand_rows_come_in_one_answer()
    {
        var rows = await RowsAsync(string.Concat(Enumerable.Range(1, 50_000).Select(i =>
            Good.Replace(">5<", $">{i}<", StringComparison.Ordinal))));
        Assert.Equal(Enumerable.Range(1, 50_000).Select(i => (long)i), rows.Events.Select(e => e.Serial));
    }

    private static async Task<XmlRpcAnswer.Rows> RowsAsync(string rows) =>
        Assert.IsType<XmlRpcAnswer.Rows>(await ReadAsync(Bytes(Answer(rows))));

    private static async Task<XmlRpcAnswer> ReadAsync(Stream stream)
    {
        using var reader = new ChangelogReader(stream, new UpstreamLimits().ChangelogBytesMax);
        return await reader.ReadAsync();
    }

    private static MemoryStream Bytes(string text) => new(Encoding.UTF8.GetBytes(text));

    private static string Answer(string rows, string declaration = "<?xml version='1.0'?>\n") =>
        $"{declaration}{Before}{rows}</data></array></value></param></params></methodResponse>";
}
