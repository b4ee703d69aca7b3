using System.Text;
using Piwheels.Core.States;
using Piwheels.Web;
using Xunit;

namespace Piwheels.Tests.Web;

public sealed class LiveTextTests
{
    [Theory]
    [InlineData("", "", 0)]
    [InlineData("one", "", 0)]
    [InlineData("one\n", "one", 4)]
    [InlineData("one\ntw", "one", 4)]
    [InlineData("one\r\ntwo\n\n", "one|two|", 10)]
    [InlineData("10%\r20%\r", "", 0)]
    [InlineData("10%\r20%\rdone\n", "10%|20%|done", 13)]
    public void Lines_are_shown_as_they_are_whole(string printed, string shown, long next)
    {
        var (lines, position) = LiveText.Read([Piece(0, printed)], 0, hasEnded: false);
        Assert.Equal(shown, string.Join('|', lines));
        Assert.Equal(next, position);
    }

    [Fact]
    public void At_the_end_the_last_line_needs_no_end()
    {
        var (lines, position) = LiveText.Read([Piece(0, "one\ntwo")], 0, hasEnded: true);
        Assert.Equal(["one", "two"], lines);
        Assert.Equal(7, position);
    }

    [Fact]
    public void Pieces_that_follow_each_other_make_one_text()
    {
        var text = Encoding.UTF8.GetBytes("Größe\n");
        var (lines, _) = LiveText.Read(
            [new OutputPiece(5, text.AsMemory(0, 3)), new OutputPiece(8, text.AsMemory(3))], 5, hasEnded: false);
        Assert.Equal(["Größe"], lines);
    }

    [Fact]
    public void What_is_left_out_is_told()
    {
        var (lines, next) = LiveText.Read([Piece(100, "one\ntw"), Piece(200, "two\n")], 0, hasEnded: false);
        Assert.Equal(
            ["[... 100 bytes are not shown here ...]", "one", "tw", "[... 94 bytes are not shown here ...]", "two"], lines);
        Assert.Equal(204, next);
    }

    [Theory]
    [InlineData("x", 0)]
    [InlineData("é", 0)]
    [InlineData("é", 1)]
    [InlineData("漢", 1)]
    [InlineData("漢", 2)]
    [InlineData("🎡", 3)]
    public void A_line_without_an_end_is_shown_in_parts_but_not_parts_of_characters(string character, int cut)
    {
        var bytes = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(character, LiveText.LineBytesMax)));
        var all = bytes[..^cut];
        var (lines, next) = LiveText.Read([new OutputPiece(0, all)], 0, hasEnded: false);
        Assert.DoesNotContain('\ufffd', Assert.Single(lines));
        Assert.InRange(all.Length - next, 0, 4);
    }

    [Fact]
    public void Bytes_that_are_no_text_end_too()
    {
        var (lines, next) = LiveText.Read([new OutputPiece(0, Enumerable.Repeat((byte)0x80, 20_000).ToArray())], 0, hasEnded: false);
        Assert.Single(lines);
        Assert.InRange(next, 19_990, 20_000);
    }

    private static OutputPiece Piece(long offset, string text) => new(offset, Encoding.UTF8.GetBytes(text));
}
