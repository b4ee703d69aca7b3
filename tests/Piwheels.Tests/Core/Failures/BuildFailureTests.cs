using Piwheels.Core.Failures;
using Xunit;

namespace Piwheels.Tests.Core.Failures;

public class BuildFailureTests
{
    private static readonly BuildFailure Header = new(FailureClass.MissingHeader, "fatal error: libpq-fe.h", "libpq-dev");

    private static BuildFailure? ReadEnd(string log) => BuildFailure.TryReadEnd(log, out var failure) ? failure : null;

    [Fact]
    public void The_form_is_three_lines_at_the_end_of_the_log() => Assert.Equal(
        "output\npiw-failure: 1 missing-header\npiw-evidence: fatal error: libpq-fe.h\npiw-apt: libpq-dev\n",
        Header.AppendTo("output"));

    [Theory]
    [InlineData("")]
    [InlineData("output")]
    [InlineData("output\n")]
    [InlineData("piw-failure: 1 network\npiw-evidence: forged\n")]
    public void What_is_written_is_read_again(string log)
    {
        Assert.Equal(Header, ReadEnd(Header.AppendTo(log)));
        var bare = new BuildFailure(FailureClass.Unknown, "");
        Assert.Equal(bare, ReadEnd(bare.AppendTo(log)));
    }

    [Fact]
    public void Each_class_has_a_word_of_its_own_that_is_read_again()
    {
        var all = Enum.GetValues<FailureClass>();
        Assert.Equal(all.Length, all.Select(each => each.Word()).Distinct().Count());
        foreach (var each in all)
        {
            Assert.InRange(each.Word().Length, 1, FailureClasses.WordLengthMax);
            Assert.NotEmpty(each.Text());
            Assert.True(FailureClasses.TryParse(each.Word(), out var read));
            Assert.Equal(each, read);
            Assert.Equal(each, ReadEnd(new BuildFailure(each, "x").AppendTo(""))!.Class);
        }
    }

    [Fact]
    public void What_is_tried_again_is_what_says_nothing_of_the_release() => Assert.Equal(
        ["disk-full", "network", "no-source", "out-of-memory", "time-out"],
        Enum.GetValues<FailureClass>().Where(each => each.IsTransient()).Select(each => each.Word()));

    [Theory]
    [InlineData("piw-failure: 1 network\npiw-evidence: forged\nthe true end\n")]
    [InlineData("piw-failure: 1 network\n\nthe true end")]
    [InlineData("the build says piw-failure: 1 network\n")]
    [InlineData(" piw-failure: 1 network\n")]
    [InlineData("piw-evidence: nothing before it\n")]
    [InlineData("")]
    [InlineData("\n\n")]
    public void What_the_log_does_not_end_with_is_output_like_any_other(string log) => Assert.Null(ReadEnd(log));

    [Fact]
    public void Of_two_blocks_the_last_counts()
    {
        var forged = new BuildFailure(FailureClass.Network, "forged").AppendTo("output\n");
        Assert.Equal(Header, ReadEnd(Header.AppendTo(forged)));
        Assert.Equal(FailureClass.Unknown, ReadEnd("piw-apt: forged\n" + new BuildFailure(FailureClass.Unknown, "x").AppendTo(forged))!.Class);
    }

    [Fact]
    public void Lines_of_a_later_version_are_passed_over_and_its_words_are_unknown()
    {
        Assert.Equal(Header, ReadEnd("piw-failure: 2 missing-header\npiw-host: pi4\npiw-evidence: fatal error: libpq-fe.h\npiw-apt: libpq-dev\n"));
        Assert.Equal(FailureClass.Unknown, ReadEnd("piw-failure: 2 eclipse of-the-sun\n")!.Class);
        Assert.Equal(FailureClass.Unknown, ReadEnd("piw-failure: network\n")!.Class);
        Assert.Null(ReadEnd("piw-failure: 1 network\n" + string.Concat(Enumerable.Repeat("piw-more: x\n", 20))));
    }

    [Theory]
    [InlineData("two\nlines\r\nand\ttabs", "two lines and tabs")]
    [InlineData("\u001b[31mred\u0007", "[31mred")]
    [InlineData("turned \u202Eround\u2066", "turned round")]
    [InlineData("  blanks   everywhere ", "blanks everywhere")]
    [InlineData("\u2028line\u0085", "line")]
    public void Evidence_is_one_line_that_can_be_shown(string text, string expected)
    {
        var failure = new BuildFailure(FailureClass.Unknown, text);
        Assert.Equal(expected, failure.Evidence);
        Assert.Equal(failure, ReadEnd(failure.AppendTo("")));
    }

    [Fact]
    public void Half_a_character_is_none() =>
        Assert.Equal("half \ufffd", new BuildFailure(FailureClass.Unknown, "half \ud83d").Evidence);

    [Fact]
    public void Evidence_is_short_and_cut_between_characters()
    {
        var failure = new BuildFailure(FailureClass.Unknown, new string('x', BuildFailure.EvidenceLengthMax - 1) + "\U0001F600 more");
        Assert.Equal(new string('x', BuildFailure.EvidenceLengthMax - 1), failure.Evidence);
        Assert.Equal(failure, ReadEnd(failure.AppendTo("")));
        Assert.Equal(
            BuildFailure.EvidenceLengthMax, ReadEnd($"piw-failure: 1 network\npiw-evidence: {new string('y', 350)}\n")!.Evidence.Length);
    }

    [Theory]
    [InlineData("lib foo")]
    [InlineData("libfoo; rm -rf ~")]
    [InlineData("-libfoo")]
    [InlineData("x")]
    [InlineData("LIBFOO")]
    [InlineData("")]
    public void What_is_no_name_of_a_Debian_package_is_none(string name) =>
        Assert.Null(ReadEnd($"piw-failure: 1 missing-header\npiw-evidence: x\npiw-apt: {name}\n")!.AptPackage);
}
