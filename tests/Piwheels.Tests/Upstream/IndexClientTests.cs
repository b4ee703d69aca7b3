using Microsoft.AspNetCore.Http;
using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Upstream;

/// <summary>The clients against a real server that answers well.</summary>
public sealed class IndexClientTests
{
    private static readonly PackageName Foo = PackageName.Parse("foo-bar");

    private static Task<StandInBed> StartAsync() => StandInBed.StartAsync(folder =>
    {
        folder.AddSdist("Foo.Bar", "1.0", ">=3.7", "The first");
        folder.AddWheel("Foo.Bar", "1.0", ">=3.7", "The first", "idna>=2", "extra; extra == 'x'");
        folder.AddSdist("Foo.Bar", "2.0", ">=3.9,<4 & \"more\"", "The <second>");
    });

    [Fact]
    public async Task A_page_is_read_in_JSON()
    {
        await using var bed = await StartAsync();
        string? accept = null;
        string? agent = null;
        bed.Faults.Seen = request => (accept, agent) = (request.Headers.Accept, request.Headers.UserAgent);
        var page = Found(await bed.Simple.GetPageAsync(Foo, null, default));
        Assert.StartsWith("application/vnd.pypi.simple.v1+json", accept, StringComparison.Ordinal);
        Assert.StartsWith("Piwheels.NET/", agent, StringComparison.Ordinal);
        Assert.EndsWith("(+https://farm.example/)", agent, StringComparison.Ordinal);
        Assert.Equal(["1.0", "2.0"], page.Versions);
        AssertFiles(page);
        Assert.All(page.Files, f => Assert.Equal(2024, f.Uploaded?.Year));
    }

    [Fact]
    public async Task A_page_is_read_in_HTML_where_there_is_no_JSON()
    {
        await using var bed = await StartAsync();
        bed.Faults.Seen = request => request.Headers.Accept = "text/html";
        var page = Found(await bed.Simple.GetPageAsync(Foo, null, default));
        Assert.Null(page.Versions);
        AssertFiles(page);
    }

    [Theory]
    [InlineData("application/vnd.pypi.simple.v1+json")]
    [InlineData("text/html")]
    public async Task All_names_are_read_in_both_forms(string type)
    {
        await using var bed = await StandInBed.StartAsync(folder =>
        {
            folder.AddSdist("Foo.Bar", "1.0");
            folder.AddSdist("other", "1.0");
        });
        bed.Faults.Seen = request => request.Headers.Accept = type;
        Assert.Equal([Foo, PackageName.Parse("other")], Found(await bed.Simple.GetNamesAsync(default)).Order());
    }

    [Theory]
    [InlineData("""{"meta": {"api-version": "1.0"}, "projects": [{"name": "a"}, 7, {"x": 1}, {"name": "-"}, {"name": "B"}]}""", "a, b")]
    [InlineData("""{"projects": []}""", "")]
    [InlineData("""{"meta": {"api-version": "2.0"}, "projects": []}""", "unusable")]
    [InlineData("""{"files": []}""", "unusable")]
    [InlineData("""["a"]""", "unusable")]
    [InlineData("""{"projects": [""", "unusable")]
    public async Task What_is_no_name_is_left_out_and_what_is_no_list_is_unusable(string text, string expected)
    {
        await using var bed = await StartAsync();
        bed.Faults.Spoil("/simple/", context =>
        {
            context.Response.ContentType = "application/vnd.pypi.simple.v1+json";
            return context.Response.WriteAsync(text);
        });
        var fetched = await bed.Simple.GetNamesAsync(default);
        Assert.Equal(
            expected,
            fetched is Fetched<IReadOnlyList<PackageName>>.Found found ? string.Join(", ", found.Value) : fetched.Outcome);
    }

    [Fact]
    public async Task Yanks_are_read_in_both_forms()
    {
        await using var bed = await StartAsync();
        bed.Index.Catalog.Enter("foo-bar", "1.0", "yank release");
        var json = Found(await bed.Simple.GetPageAsync(Foo, null, default));
        bed.Faults.Seen = request => request.Headers.Accept = "text/html";
        var html = Found(await bed.Simple.GetPageAsync(Foo, null, default));
        Assert.Equal([true, true, false], json.Files.Select(f => f.Yanked));
        Assert.Equal([true, true, false], html.Files.Select(f => f.Yanked));
    }

    [Fact]
    public async Task A_page_that_has_not_changed_is_not_sent_again()
    {
        await using var bed = await StartAsync();
        var page = Found(await bed.Simple.GetPageAsync(Foo, null, default));
        Assert.IsType<Fetched<IndexPage>.Unchanged>(await bed.Simple.GetPageAsync(Foo, page.Validators, default));
        bed.Index.Catalog.Enter("foo-bar", "2.0", "yank release");
        Assert.True(Found(await bed.Simple.GetPageAsync(Foo, page.Validators, default)).Files[2].Yanked);
    }

    [Fact]
    public async Task What_the_index_does_not_have_is_missing()
    {
        await using var bed = await StartAsync();
        var other = PackageName.Parse("other");
        Assert.IsType<Fetched<IndexPage>.Missing>(await bed.Simple.GetPageAsync(other, null, default));
        Assert.IsType<Fetched<ProjectFacts>.Missing>(await bed.Projects.GetAsync(other, default));
        var nested = new Release(Foo, "9/../1.0");
        Assert.IsType<Fetched<ProjectFacts>.Missing>(await bed.Projects.GetAsync(nested, default));
    }

    [Fact]
    public async Task The_metadata_of_a_wheel_is_read_without_the_wheel()
    {
        await using var bed = await StartAsync();
        var page = Found(await bed.Simple.GetPageAsync(Foo, null, default));
        var wheel = Assert.Single(page.Files, f => f.Metadata);
        var text = Assert.IsType<Fetched<string>.Found>(await bed.Simple.GetMetadataAsync(wheel, default)).Value;
        Assert.Equal(["idna>=2", "extra; extra == 'x'"], CoreMetadata.Parse(text).RequiresDist);
        Assert.IsType<Fetched<string>.Missing>(await bed.Simple.GetMetadataAsync(page.Files[0], default));
    }

    [Fact]
    public async Task The_facts_of_a_project_are_those_of_its_newest_release()
    {
        await using var bed = await StartAsync();
        var facts = Found(await bed.Projects.GetAsync(Foo, default));
        Assert.Equal("Foo.Bar", facts.Name);
        Assert.Equal("2.0", facts.Version);
        Assert.Equal("The <second>", facts.Description);
        Assert.Null(facts.RequiresDist);
        Assert.Equal(["1.0", "2.0"], facts.Released.Keys);
        var first = Found(await bed.Projects.GetAsync(new Release(Foo, "1.0"), default));
        Assert.Equal("The first", first.Description);
        Assert.Equal(["idna>=2", "extra; extra == 'x'"], first.RequiresDist);
        Assert.Equal(facts.Released["1.0"], first.Released["1.0"]);
    }

    [Fact]
    public async Task The_change_log_is_read_from_a_serial_on()
    {
        await using var bed = await StartAsync();
        var all = Found(await bed.Changelog.SinceAsync(0, default)).Events;
        Assert.Equal(
            ["create", "add Owner somebody", "new release", "add source file Foo.Bar-1.0.tar.gz",
                "add py3 file Foo.Bar-1.0-py3-none-any.whl", "new release", "add source file Foo.Bar-2.0.tar.gz",
                "add Owner clock"],
            all.Select(e => e.Action));
        Assert.Equal([null, null, "1.0", "1.0", "1.0", "2.0", "2.0", null], all.Select(e => e.Version));
        var last = Assert.IsType<Fetched<long>.Found>(await bed.Changelog.LastSerialAsync(default)).Value;
        Assert.Equal(all[^1].Serial, last);
        Assert.Equal(all.Skip(6), Found(await bed.Changelog.SinceAsync(last - 2, default)).Events);
        Assert.Empty(Found(await bed.Changelog.SinceAsync(last, default)).Events);
    }

    [Fact]
    public async Task Only_a_few_requests_are_under_way_at_a_time()
    {
        await using var bed = await StartAsync();
        await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => bed.Simple.GetPageAsync(Foo, null, default)));
        Assert.InRange(bed.Faults.UnderWayMost, 1, bed.Connection.Limits.RequestsMax);
    }

    private static void AssertFiles(IndexPage page)
    {
        Assert.Equal(
            ["Foo.Bar-1.0.tar.gz", "Foo.Bar-1.0-py3-none-any.whl", "Foo.Bar-2.0.tar.gz"],
            page.Files.Select(f => f.Filename));
        Assert.All(page.Files, f => Assert.Equal(64, f.Sha256?.Length));
        Assert.Equal([false, true, false], page.Files.Select(f => f.Metadata));
        Assert.Equal(">=3.9,<4 & \"more\"", page.Files[2].RequiresPython);
    }

    private static T Found<T>(Fetched<T> fetched) => Assert.IsType<Fetched<T>.Found>(fetched).Value;
}
