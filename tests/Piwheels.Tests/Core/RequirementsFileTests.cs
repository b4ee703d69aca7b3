using Piwheels.Core.Packaging;
using Xunit;

namespace Piwheels.Tests.Core;

public sealed class RequirementsFileTests
{
    [Fact]
    public void Comments_continued_lines_and_hashes_are_understood()
    {
        var file = Read(
            """
            # what we need
            requests[socks] >= 2  # for the web
            numpy==2.0.0 \
                --hash=sha256:00 \
                --hash sha256:01

            flask ; \
            python_version < "3.11"
            tool @ https://example.com/tool.tar.gz#egg=tool
            # a comment that ends with a backslash \
            six
            """);

        Assert.Equal(
            ["2 requests[socks]>=2", "3 numpy==2.0.0", "7 flask; python_version < \"3.11\"",
                "9 tool @ https://example.com/tool.tar.gz#egg=tool", "11 six"],
            file.Requirements.Select(line => $"{line.Line} {line.Requirement}"));
        Assert.Empty(file.Constraints);
    }

    [Theory]
    [InlineData("-r more.txt")]
    [InlineData("-rmore.txt")]
    [InlineData("--requirement more.txt")]
    [InlineData("--requirement=more.txt")]
    [InlineData("-r ./sub/../more.txt")]
    public void Another_file_is_read_in_its_place(string line)
    {
        var file = Read($"a\n{line}\nb", ("/farm/more.txt", "c\n-c limits.txt"), ("/farm/limits.txt", "d<2"));

        Assert.Equal(["a", "c", "b"], file.Requirements.Select(r => r.Requirement.Name));
        Assert.Equal(["d"], file.Constraints.Select(r => r.Requirement.Name));
    }

    [Fact]
    public void An_included_file_is_looked_for_beside_the_one_that_names_it()
    {
        var file = Read("-r sub/a.txt", ("/farm/sub/a.txt", "-r b.txt"), ("/farm/sub/b.txt", "x"));
        Assert.Equal(["x"], file.Requirements.Select(r => r.Requirement.Name));
    }

    [Fact]
    public void What_limits_include_are_limits()
    {
        var file = Read("-c a.txt", ("/farm/a.txt", "x<1\n-r b.txt"), ("/farm/b.txt", "y<1"));
        Assert.Empty(file.Requirements);
        Assert.Equal(["x", "y"], file.Constraints.Select(r => r.Requirement.Name));
    }

    [Fact]
    public void Files_that_include_each_other_are_read_once()
    {
        var file = Read("a\n-r more.txt", ("/farm/more.txt", "b\n-r requirements.txt"));
        Assert.Equal(["a", "b"], file.Requirements.Select(r => r.Requirement.Name));
    }

    [Theory]
    [InlineData("a\nb c", "/farm/requirements.txt:2: 'b c' is not a requirement")]
    [InlineData("a\n\\\n-e .", "/farm/requirements.txt:2: the option -e is not understood")]
    [InlineData("--index-url=https://x", "/farm/requirements.txt:1: the option --index-url is not understood")]
    [InlineData("--requirements x", "/farm/requirements.txt:1: the option --requirements is not understood")]
    [InlineData("a --config-settings=x=y", "/farm/requirements.txt:1: the option --config-settings is not understood")]
    [InlineData("-r", "/farm/requirements.txt:1: an option without a file")]
    [InlineData("-r https://example.com/r.txt", "/farm/requirements.txt:1: only files")]
    [InlineData("-r gone.txt", "gone.txt: cannot be read")]
    [InlineData("-r bad.txt", "bad.txt:1: './local'")]
    [InlineData("a\0b", "/farm/requirements.txt:1: 'a?b' is not a requirement")]
    public void What_is_not_understood_is_told_with_its_place(string text, string expected)
    {
        Assert.False(TryRead(text, [("/farm/bad.txt", "./local")], out _, out var problem));
        Assert.StartsWith(expected, problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Endless_inclusion_ends()
    {
        string Next(string path) => path.EndsWith("requirements.txt", StringComparison.Ordinal)
            ? "-r 1.txt"
            : $"-r {int.Parse(Path.GetFileNameWithoutExtension(path)) + 1}.txt";

        Assert.False(RequirementsFile.TryRead("/farm/requirements.txt", Next, out _, out var problem));
        Assert.Contains("too deep", problem, StringComparison.Ordinal);

        string Wide(string path) => path.EndsWith("requirements.txt", StringComparison.Ordinal)
            ? string.Join('\n', Enumerable.Range(0, 1_000).Select(i => $"-r {i}.txt"))
            : "";
        Assert.False(RequirementsFile.TryRead("/farm/requirements.txt", Wide, out _, out problem));
        Assert.Contains("more than", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_one_endless_line_is_refused()
    {
        Assert.False(TryRead(new string('-', 1 << 20), [], out _, out _));
        Assert.False(TryRead(new string('a', 1 << 20), [], out _, out _));
        Assert.True(TryRead(new string('#', 1 << 20), [], out _, out _));
        Assert.True(TryRead(string.Concat(Enumerable.Repeat("\\\n", 1 << 19)), [], out _, out _));
    }

    [Fact]
    public void A_file_too_large_is_refused()
    {
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, "six\n");
            Assert.True(RequirementsFile.TryRead(path, out var file, out _));
            Assert.Single(file.Requirements);
            File.WriteAllText(path, new string('\n', RequirementsFile.FileBytesMax + 1));
            Assert.False(RequirementsFile.TryRead(path, out _, out var problem));
            Assert.Contains("larger than", problem, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static RequirementsFile Read(string text, params (string Path, string Text)[] others)
    {
        Assert.True(TryRead(text, others, out var file, out var problem), problem);
        return file!;
    }

    private static bool TryRead(
        string text, (string Path, string Text)[] others, out RequirementsFile? file, out string? problem)
    {
        const string Main = "/farm/requirements.txt";
        var texts = others.Append((Path: Main, Text: text)).ToDictionary(pair => pair.Path, pair => pair.Text);
        return RequirementsFile.TryRead(
            Main, path => texts.TryGetValue(path, out var found) ? found : throw new FileNotFoundException(), out file, out problem);
    }
}
