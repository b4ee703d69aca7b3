using Piwheels.Core.Packaging;
using Piwheels.Core.Recipes;
using Xunit;

namespace Piwheels.Tests.Core.Recipes;

public sealed class RecipeFolderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("piw-recipes-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Files_are_read_in_the_order_of_their_names()
    {
        Write("20-own.conf", "[lxml]\nskip = own");
        Write("10-usual.conf", "[lxml]\nskip = usual\ntimeout = 1h");
        Write("notes.txt", "no recipe");
        var recipe = RecipeFolder.Read(_folder).For(new Release(PackageName.Parse("lxml"), "1"), new Target("cp311", "linux_x86_64"));
        Assert.Equal(new Recipe { Skip = "own", Timeout = TimeSpan.FromHours(1) }, recipe);
    }

    [Fact]
    public void A_patch_lies_beside_its_recipe()
    {
        Write("a.conf", "[lxml]\npatch = lxml.patch");
        Assert.Contains(
            "a.conf:2: [lxml] patch: lxml.patch:", Assert.Throws<RecipeException>(() => RecipeFolder.Read(_folder)).Message,
            StringComparison.Ordinal);
        Write("lxml.patch", RecipeBookTests.Patch);
        Assert.Single(RecipeFolder.Read(_folder).Sections);
    }

    [Fact]
    public void A_folder_that_is_not_there_or_a_file_that_is_no_text_is_told()
    {
        Assert.Throws<RecipeException>(() => RecipeFolder.Read(Path.Combine(_folder, "missing")));
        File.WriteAllBytes(Path.Combine(_folder, "a.conf"), [0x5B, 0xFF, 0xFE]);
        Assert.Contains("a.conf", Assert.Throws<RecipeException>(() => RecipeFolder.Read(_folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_change_of_the_folder_can_be_seen()
    {
        var empty = RecipeFolder.Fingerprint(_folder);
        Write("a.conf", "[lxml]");
        var one = RecipeFolder.Fingerprint(_folder);
        Write("a.conf", "[lxml5]");
        Assert.Equal(3, new HashSet<string> { empty, one, RecipeFolder.Fingerprint(_folder) }.Count);
    }

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_folder, name), text);
}
