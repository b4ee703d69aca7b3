using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;
using Xunit;

namespace Piwheels.Tests.Upstream;

public sealed class SelectionResolverTests
{
    private static readonly PackageName Foo = PackageName.Parse("foo-bar");
    private static readonly Target Cp39 = new("cp39", "linux_armv7l");
    private static readonly Target Cp311 = new("cp311", "linux_armv7l");

    [Fact]
    public void The_newest_version_is_chosen_by_number_and_not_by_text_or_place() =>
        Assert.Equal("1.10", Chosen("", "foo_bar-1.9.tar.gz", "foo_bar-1.10.tar.gz", "foo_bar-1.2.tar.gz"));

    [Theory]
    [InlineData("<2", "1.5")]
    [InlineData(">=1,<1.5", "1.0")]
    [InlineData("==1.*", "1.5")]
    [InlineData("~=1.0", "1.5")]
    [InlineData("!=2.0", "1.5")]
    public void The_specifier_is_kept_to(string specifier, string version) =>
        Assert.Equal(version, Chosen(specifier, "foo-bar-1.0.tar.gz", "foo-bar-1.5.tar.gz", "foo-bar-2.0.tar.gz"));

    [Fact]
    public void Where_nothing_satisfies_the_newest_version_is_told() =>
        Assert.Equal("no version satisfies >=3; the newest is 2.0", None(">=3", "foo_bar-2.0.tar.gz"));

    [Fact]
    public void A_project_without_releases_is_told() => Assert.Equal("it has no releases", None(""));

    [Fact]
    public void Versions_with_wheels_alone_are_passed_over() =>
        Assert.Equal("1.0", Chosen("", "foo_bar-1.0.tar.gz", "foo_bar-2.0-py3-none-any.whl"));

    [Fact]
    public void Where_only_wheels_satisfy_that_is_told()
    {
        Assert.Equal(
            "2.0, the only version that satisfies, has no source file",
            None(">=2", "foo_bar-1.0.tar.gz", "foo_bar-2.0-py3-none-any.whl"));
        Assert.Equal(
            "the 2 versions that satisfy, 1.0 to 2.0, have no source file",
            None("", "foo_bar-1.0-py3-none-any.whl", "foo_bar-2.0-py3-none-any.whl"));
    }

    [Fact]
    public void Pre_releases_are_for_those_who_ask_for_them_or_have_nothing_else()
    {
        Assert.Equal("1.0", Chosen("", "foo_bar-1.0.tar.gz", "foo_bar-2.0rc1.tar.gz"));
        Assert.Equal("2.0rc1", Chosen(">=2.0rc1", "foo_bar-1.0.tar.gz", "foo_bar-2.0rc1.tar.gz"));
        Assert.Equal("2.0rc1", Chosen(">1", "foo_bar-1.0.tar.gz", "foo_bar-2.0rc1.tar.gz"));
        Assert.Equal("2.0.dev3", Chosen("", "foo_bar-2.0.dev3.tar.gz", "foo_bar-2.0.dev1.tar.gz"));
    }

    /// <summary>pip would install the wheel of 1.0, so that a wheel of 2.0rc1 would be of no use.</summary>
    [Fact]
    public void A_final_version_without_source_does_not_let_pre_releases_in() =>
        Assert.Equal(
            "1.0, the only version that satisfies, has no source file",
            None("", "foo_bar-1.0-py3-none-any.whl", "foo_bar-2.0rc1.tar.gz"));

    [Fact]
    public void A_yanked_version_is_for_those_who_name_it()
    {
        var page = Page(File("foo_bar-1.0.tar.gz"), File("foo_bar-2.0.tar.gz", yanked: true));
        Assert.Equal("1.0", Text(Choose(page, "")));
        Assert.Equal("1.0", Text(Choose(page, "==1.*")));
        Assert.Equal("2.0", Text(Choose(page, "==2.0")));
        Assert.Equal("2.0", Text(Choose(page, "===2.0")));
        Assert.Equal("2.0, the only version that satisfies, was yanked", Reason(Choose(page, "==2.*")));
    }

    [Fact]
    public void A_version_must_run_on_one_of_the_targets()
    {
        var page = Page(
            File("foo_bar-1.0.tar.gz", python: ">=2.7"),
            File("foo_bar-2.0.tar.gz", python: ">=3.9"),
            File("foo_bar-3.0.tar.gz", python: ">=3.11"),
            File("foo_bar-4.0.tar.gz", python: ">=3.13"));
        Assert.Equal("3.0", Text(Choose(page, "", Cp39, Cp311)));
        Assert.Equal("2.0", Text(Choose(page, "", Cp39)));
        Assert.Equal("4.0", Text(Choose(page, "")));
        Assert.Equal("4.0 needs Python >=3.13; built here for 3.9, 3.11", Reason(Choose(page, ">=4", Cp39, Cp311)));
    }

    [Theory]
    [InlineData(">=3.11.4", "2.0")]
    [InlineData("<3.11.2", "2.0")]
    [InlineData("!=3.11.0", "2.0")]
    [InlineData("", "2.0")]
    [InlineData("about 3", "2.0")]
    [InlineData(">=3.12", "1.0")]
    public void A_target_stands_for_all_versions_of_its_series(string python, string version) =>
        Assert.Equal(
            version,
            Text(Choose(Page(File("foo_bar-1.0.tar.gz"), File("foo_bar-2.0.tar.gz", python: python)), "", Cp311)));

    [Fact]
    public void A_target_that_names_no_python_takes_all() =>
        Assert.Equal(
            "1.0", Text(Choose(Page(File("foo_bar-1.0.tar.gz", python: ">=9")), "", new Target("odd", "linux"))));

    [Theory]
    [InlineData("foo-bar-1.0.tar.gz", "1.0")]
    [InlineData("Foo.Bar-1.0.zip", "1.0")]
    [InlineData("foo_bar-1.0.tar.bz2", "1.0")]
    [InlineData("foo--bar-1.0.tgz", "1.0")]
    [InlineData("foo-bar-1.0-1.tar.gz", "1.0-1")]
    [InlineData("foo_bar-1.0+local.tar.gz", "1.0+local")]
    public void An_sdist_is_known_by_its_name(string filename, string version) =>
        Assert.Equal(version, Assert.Single(IndexRelease.Of(Foo, Page(File(filename)))).Text);

    [Theory]
    [InlineData("foo-1.0.tar.gz")]
    [InlineData("foo_bar_baz-1.0.tar.gz")]
    [InlineData("foo_bar-1.0.exe")]
    [InlineData("foo_bar-1.0.win32.tar.gz")]
    [InlineData("foo_bar-1.0-py2.7.egg")]
    [InlineData("foo_bar.tar.gz")]
    [InlineData("foo_bar-.tar.gz")]
    [InlineData("foo_bar_baz-1.0-py3-none-any.whl")]
    [InlineData("")]
    public void Other_files_are_passed_over(string filename) =>
        Assert.Empty(IndexRelease.Of(Foo, Page(File(filename))));

    [Fact]
    public void The_indexs_own_spelling_of_a_version_counts()
    {
        var page = Page(File("foo_bar-1.0.0rc1.tar.gz"), File("foo_bar-0.9.post1.tar.gz")) with
        {
            Versions = ["1.0.0-RC1", "nonsense"],
        };
        Assert.Equal(["1.0.0-RC1", "0.9.post1"], IndexRelease.Of(Foo, page).Select(r => r.Text));
    }

    [Fact]
    public void A_release_is_as_old_as_its_first_file()
    {
        var early = new DateTimeOffset(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);
        var page = Page(
            File("foo_bar-1.0.tar.gz") with { Uploaded = early.AddDays(1) },
            File("foo_bar-1.0-py3-none-any.whl") with { Uploaded = early });
        Assert.Equal(early, Assert.Single(IndexRelease.Of(Foo, page)).Released);
        Assert.Null(Assert.Single(IndexRelease.Of(Foo, Page(File("foo_bar-1.0.tar.gz")))).Released);
    }

    private static string Chosen(string specifier, params string[] filenames) =>
        Text(Choose(Page([.. filenames.Select(f => File(f))]), specifier));

    private static string None(string specifier, params string[] filenames) =>
        Reason(Choose(Page([.. filenames.Select(f => File(f))]), specifier));

    private static string Text(SelectionChoice choice) => Assert.IsType<SelectionChoice.Chosen>(choice).Newest.Text;

    private static string Reason(SelectionChoice choice) => Assert.IsType<SelectionChoice.None>(choice).Reason;

    private static SelectionChoice Choose(IndexPage page, string specifier, params Target[] targets) =>
        SelectionResolver.Choose(IndexRelease.Of(Foo, page), SpecifierSet.Parse(specifier), targets);

    private static IndexPage Page(params IndexFile[] files) => new(files, null, null);

    private static IndexFile File(string filename, string? python = null, bool yanked = false) =>
        new(filename, new Uri("http://127.0.0.1/f"), RequiresPython: python, Yanked: yanked);
}
