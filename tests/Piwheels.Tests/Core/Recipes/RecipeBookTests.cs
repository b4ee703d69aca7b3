using Piwheels.Core.Packaging;
using Piwheels.Core.Recipes;
using Xunit;

namespace Piwheels.Tests.Core.Recipes;

public sealed class RecipeBookTests
{
    private static readonly Target Pi = new("cp311", "linux_armv7l");

    [Fact]
    public void A_recipe_has_all_that_may_be_said()
    {
        var recipe = For(
            "lxml 5.3",
            """
            ; what lxml needs
            [lxml]
            apt = libxml2-dev libxslt1-dev
            environment.CFLAGS = -O1 -g0
            environment.WITH_XML2_CONFIG = "/usr/bin/xml2-config "
            pip-arguments = --verbose "--config-settings=setup-args=-Dblas=a b"
            timeout = 6h
            memory = 1.5G
            network = none
            check-import = never
            patch = lxml.patch
            """);
        Assert.Equal(["libxml2-dev", "libxslt1-dev"], recipe.Apt);
        Assert.Equal("-O1 -g0", recipe.Environment["CFLAGS"]);
        Assert.Equal("/usr/bin/xml2-config ", recipe.Environment["WITH_XML2_CONFIG"]);
        Assert.Equal(["--verbose", "--config-settings=setup-args=-Dblas=a b"], recipe.PipArguments);
        Assert.Equal(TimeSpan.FromHours(6), recipe.Timeout);
        Assert.Equal(1536L << 20, recipe.Memory);
        Assert.Equal(RecipeNetwork.None, recipe.Network);
        Assert.True(recipe.WithoutImport);
        Assert.Equal(new RecipePatch("lxml.patch", Patch), recipe.Patch);
        Assert.Null(recipe.Skip);
        Assert.True(recipe.ChangesBuild);
    }

    [Fact]
    public void What_nothing_is_said_of_has_no_recipe() => Assert.Equal(Recipe.None, For("numpy 1", "[lxml]\ntimeout = 1h"));

    [Fact]
    public void The_more_particular_section_wins_key_by_key_wherever_it_stands()
    {
        const string Text = """
            [lxml <5]
            apt = old-dev
            [lxml]
            apt = new-dev
            environment.A = lxml
            [*]
            apt = any-dev
            environment.A = any
            environment.B = any
            [lx*]
            environment.B = pattern
            timeout = 2h
            """;
        var old = For("lxml 4", Text);
        Assert.Equal(["old-dev"], old.Apt);
        Assert.Equal("lxml", old.Environment["A"]);
        Assert.Equal("pattern", old.Environment["B"]);
        Assert.Equal(TimeSpan.FromHours(2), old.Timeout);
        Assert.Equal(["new-dev"], For("lxml 5", Text).Apt);
        Assert.Equal(["any-dev"], For("numpy 5", Text).Apt);
    }

    [Fact]
    public void Of_equally_particular_sections_the_later_wins() =>
        Assert.Equal("two", For("lxml 4", "[lxml <5]\nskip = one\n[lxml >3]\nskip = two").Skip);

    [Fact]
    public void An_empty_value_takes_back_what_a_wider_section_says()
    {
        var recipe = For("lxml 4", "[*]\nskip = no\nenvironment.A = 1\ntimeout = 1h\n[lxml]\nskip =\nenvironment.A =\ntimeout = ");
        Assert.Equal(Recipe.None, recipe);
    }

    [Fact]
    public void What_is_in_force_is_told_with_its_place()
    {
        var book = Book("[*]\nskip = no\ntimeout = 1h\n\n[lxml]\nskip =\ntimeout = 2h");
        var (setting, section) = Assert.Single(book.Explain(ReleaseOf("lxml 4"), Pi));
        Assert.Equal("timeout = 2h at test.conf:7 of lxml", $"{setting} at {section.File}:{setting.Line} of {section.Selector}");
    }

    [Theory]
    [InlineData("apt = x", "test.conf:1: a setting before the first [section]")]
    [InlineData("[lxml", "test.conf:1: a section without its ']'")]
    [InlineData("[lx ml]", "test.conf:1: [lx ml]: 'ml' is no set of version clauses, like >=2,<3")]
    [InlineData("\n[lxml]\nnonsense", "test.conf:3: [lxml]: neither KEY = VALUE nor [section]")]
    [InlineData("[lxml]\nApt = x", "test.conf:2: [lxml] Apt: there is no such key")]
    [InlineData("[lxml]\napt = libX", "test.conf:2: [lxml] apt: 'libX' is no name of a Debian package")]
    [InlineData("[lxml]\napt = --reinstall", "[lxml] apt: '--reinstall' is no name of a Debian package")]
    [InlineData("[lxml]\nskip = a\nskip = b", "test.conf:3: [lxml] skip: said in line 2 already")]
    [InlineData("[lxml]\ntimeout = soon", "[lxml] timeout: 'soon' is not a duration")]
    [InlineData("[lxml]\ntimeout = 30d", "[lxml] timeout: not between one second and seven days")]
    [InlineData("[lxml]\nmemory = 2", "[lxml] memory: '2' is no amount of memory")]
    [InlineData("[lxml]\nmemory = 1K", "[lxml] memory: not between 64M and 16T")]
    [InlineData("[lxml]\ncheck-import = always", "[lxml] check-import: 'always' is not never, which is all that a recipe may say of it")]
    [InlineData("[lxml]\nnetwork = some", "[lxml] network: 'some' is none of index, none, full")]
    [InlineData("[lxml]\npip-arguments = --index-url=http://x", "'--index-url=http://x' is no argument that a recipe may give")]
    [InlineData("[lxml]\npip-arguments = -C x=y", "'-C' is no argument that a recipe may give")]
    [InlineData("[lxml]\npip-arguments = lxml==5", "'lxml==5' is no argument that a recipe may give")]
    [InlineData("[lxml]\npip-arguments = --no-binary=:none:", "'--no-binary=:none:' is no argument")]
    [InlineData("[lxml]\npip-arguments = --config-settings x", "--config-settings needs its value after '='")]
    [InlineData("[lxml]\npip-arguments = --verbose=yes", "--verbose takes no value")]
    [InlineData("[lxml]\npip-arguments = 'x", "a ' is not closed")]
    [InlineData("[lxml]\nenvironment.1 = x", "'1' is no name of a variable")]
    [InlineData("[lxml]\nenvironment.PIP_INDEX_URL = x", "PIP_INDEX_URL is not a recipe's to set")]
    [InlineData("[lxml]\nenvironment.LD_PRELOAD = x", "LD_PRELOAD is not a recipe's to set")]
    [InlineData("[lxml]\nenvironment.PATH = x", "PATH is not a recipe's to set")]
    [InlineData("[lxml]\nenvironment.HTTPS_PROXY = x", "HTTPS_PROXY is not a recipe's to set")]
    [InlineData("[lxml]\npatch = ../x", "'../x' is no name of a file beside the recipe")]
    [InlineData("[lxml]\npatch = none.patch", "[lxml] patch: none.patch is no unified diff")]
    [InlineData("[lxml]\npatch = outside.patch", "outside.patch is about 'b/../../x', which is not in the source")]
    public void What_is_no_recipe_is_told_with_file_line_section_and_key(string text, string said)
    {
        var fault = Assert.Throws<RecipeException>(() => Book(text));
        Assert.Contains(said, fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', fault.Message);
    }

    [Fact]
    public void Too_much_of_anything_is_refused()
    {
        Assert.Throws<RecipeException>(() => Book($"[lxml]\napt = {string.Join(' ', Enumerable.Range(0, 101).Select(n => $"p{n}"))}"));
        Assert.Throws<RecipeException>(() => Book($"[lxml]\nskip = {new string('x', 101)}"));
        Assert.Throws<RecipeException>(() => Book($"[lxml]\nenvironment.A = {new string('x', 4_001)}"));
    }

    internal const string Patch = "--- a/setup.py\n+++ b/setup.py\n@@ -1 +1 @@\n-old\n+new\n";

    internal static RecipeBook Book(string text) => new(RecipeFile.Read("test.conf", text, name => name switch
    {
        "none.patch" => new RecipePatch(name, "not a patch"),
        "outside.patch" => new RecipePatch(name, Patch.Replace("b/setup.py", "b/../../x", StringComparison.Ordinal)),
        _ => new RecipePatch(name, Patch),
    }));

    private static Recipe For(string release, string text) => Book(text).For(ReleaseOf(release), Pi);

    private static Release ReleaseOf(string text)
    {
        var words = text.Split(' ');
        return new Release(PackageName.Parse(words[0]), words[1]);
    }
}
