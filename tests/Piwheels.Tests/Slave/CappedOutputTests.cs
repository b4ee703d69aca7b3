using System.Text;
using Piwheels.Slave.Building;
using Xunit;

namespace Piwheels.Tests.Slave;

public class CappedOutputTests
{
    private static string Kept(string text, int head, int tail, int step = 7)
    {
        var output = new CappedOutput(head, tail);
        var bytes = Encoding.UTF8.GetBytes(text);
        for (var at = 0; at < bytes.Length; at += step) output.Append(bytes.AsSpan(at, Math.Min(step, bytes.Length - at)));
        Assert.Equal(bytes.Length, output.Count);
        return output.ToText();
    }

    [Theory]
    [InlineData("")]
    [InlineData("short\n")]
    [InlineData("0123456789abcdefghijklmnopqrst")]
    public void What_fits_is_kept_whole(string text) => Assert.Equal(text, Kept(text, head: 10, tail: 20));

    [Fact]
    public void Of_too_much_the_first_and_the_last_lines_are_kept_and_the_gap_is_told()
    {
        var lines = Enumerable.Range(100, 100).Select(n => $"line {n}\n").ToArray();

        var kept = Kept(string.Concat(lines), head: 30, tail: 40);

        Assert.Equal(
            "line 100\nline 101\nline 102\n[... 837 bytes of output are left out here ...]\n"
            + "line 196\nline 197\nline 198\nline 199\n",
            kept);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    [InlineData(1000)]
    public void One_endless_line_is_cut_between_characters(int step)
    {
        var kept = Kept(string.Concat(Enumerable.Repeat("äöü", 50)), head: 11, tail: 21, step);

        Assert.Equal("äöüäö\n[... 270 bytes of output are left out here ...]\n" + "äöüäöüäöüä"[..0] + kept[^10..], kept);
        Assert.DoesNotContain('\uFFFD', kept);
    }

    [Fact]
    public void What_is_no_text_is_replaced()
    {
        var output = new CappedOutput();
        output.Append([(byte)'a', 0xFF, (byte)'b', 0, (byte)'c', 0xC3]);

        Assert.Equal("a\uFFFDb\uFFFDc\uFFFD", output.ToText());
    }
    [Theory]
    [InlineData(5)]
    [InlineData(10)]
    [InlineData(25)]
    [InlineData(30)]
    [InlineData(31)]
    [InlineData(47)]
    [InlineData(300)]
    public void The_newest_is_what_was_written_last(int length)
    {
        var output = new CappedOutput(headBytes: 10, tailBytes: 20);
        var bytes = Enumerable.Range(0, length).Select(n => (byte)n).ToArray();
        foreach (var one in bytes.Chunk(7)) output.Append(one);
        for (var from = 0; from <= length + 1; from++)
        {
            for (var most = 0; most <= 35; most++)
            {
                var newest = output.Newest(from, most);
                var start = from >= length ? from : Math.Max(from, length - Math.Min(most, length > 30 ? 20 : most));
                Assert.Equal(start, newest.Offset);
                Assert.Equal(from >= length ? [] : bytes[start..], newest.Bytes.ToArray());
            }
        }
    }
}
