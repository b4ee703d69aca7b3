using System.Formats.Cbor;
using System.Text;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Protocols;
using Xunit;

namespace Piwheels.Tests.Core;

public sealed class SearchIndexTests
{
    private static readonly SearchEntry Ant = new(PackageName.Parse("ant"), 1, 2);
    private static readonly SearchEntry Bee = new(PackageName.Parse("bee"), 0, 0);
    private static readonly SearchEntry Cat = new(PackageName.Parse("cat-2"), long.MaxValue, long.MaxValue);

    [Fact]
    public void What_is_packed_is_there()
    {
        foreach (var entries in new SearchEntry[][] { [], [Ant], [Ant, Bee, Cat] })
        {
            var index = SearchIndex.Of(entries);
            Assert.Equal(entries, index);
            Assert.Equal(entries, new SearchIndex(index.Names, index.Recent.ToArray(), index.All.ToArray()));
        }
    }

    [Theory]
    [InlineData("", 1, 1)]
    [InlineData("ant", 0, 0)]
    [InlineData("ant", 1, 2)]
    [InlineData("ant bee", 1, 1)]
    [InlineData("ant ", 2, 2)]
    [InlineData(" ant", 2, 2)]
    [InlineData("ant  bee", 3, 3)]
    [InlineData("Ant", 1, 1)]
    [InlineData("a_nt", 1, 1)]
    [InlineData("-ant", 1, 1)]
    [InlineData("ant-", 1, 1)]
    [InlineData("ant\n", 1, 1)]
    public void What_does_not_fit_together_is_refused(string names, int recent, int all) =>
        Assert.Throws<FormatException>(
            () => new SearchIndex(Encoding.UTF8.GetBytes(names), new long[recent], new long[all]));

    [Fact]
    public void Changes_make_another_index()
    {
        var index = SearchIndex.Of([Ant, Bee]);
        var busy = Ant with { DownloadsRecent = 5 };
        var after = index.With(Changes(complete: false, [busy, Cat], Bee.Package, PackageName.Parse("dog")));
        Assert.Equal([busy, Cat], after);
        Assert.Equal([Ant, Bee], index);
        Assert.Same(index, index.With(Changes(complete: false, [])));
        Assert.Equal([Cat], index.With(Changes(complete: true, [Cat])));
    }

    [Fact]
    public void It_comes_over_the_masters_queues_as_it_is()
    {
        foreach (var entries in new SearchEntry[][] { [], [Ant], [Ant, Bee, Cat] })
        {
            Assert.Equal(entries, ((DbReply.Search)Passed(new DbReply.Search(SearchIndex.Of(entries)))).Index);
            var changes = Changes(complete: false, entries, Bee.Package);
            var passed = ((DbReply.Changes)Passed(new DbReply.Changes(changes))).Value;
            Assert.Equal(entries, passed.Entries);
            Assert.Equal((changes.Mark, false), (passed.Mark, passed.Complete));
            Assert.Equal(changes.Gone, passed.Gone);
        }
    }

    [Theory]
    [InlineData("ant", 7, 8)]
    [InlineData("ant", 8, 16)]
    [InlineData("Ant", 8, 8)]
    public void Nonsense_of_the_masters_queues_is_refused(string names, int recentBytes, int allBytes)
    {
        var writer = new CborWriter();
        writer.WriteStartArray(2);
        writer.WriteTextString("SEARCH");
        writer.WriteStartArray(3);
        writer.WriteByteString(Encoding.UTF8.GetBytes(names));
        writer.WriteByteString(new byte[recentBytes]);
        writer.WriteByteString(new byte[allBytes]);
        writer.WriteEndArray();
        writer.WriteEndArray();
        Assert.Throws<WireException>(() => DbReply.Read(writer.Encode()));
    }

    private static SearchChanges Changes(bool complete, SearchEntry[] entries, params PackageName[] gone) =>
        new("mark", complete, SearchIndex.Of(entries), gone);

    private static DbReply Passed(DbReply reply)
    {
        var writer = new CborWriter(CborConformanceMode.Lax);
        reply.Write(writer);
        return DbReply.Read(writer.Encode());
    }
}
