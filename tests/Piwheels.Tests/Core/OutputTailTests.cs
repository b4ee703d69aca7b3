using Piwheels.Core.States;
using Xunit;

namespace Piwheels.Tests.Core;

public sealed class OutputTailTests
{
    private readonly OutputTail _tail = new(bytesMax: 10);

    [Fact]
    public void What_follows_is_joined_and_what_is_known_left_out()
    {
        Assert.Equal("abc", Text(_tail.Add(Piece(0, "abc"))));
        Assert.Equal("de", Text(_tail.Add(Piece(1, "bcde"))));
        Assert.Null(_tail.Add(Piece(2, "cde")));
        Assert.Null(_tail.Add(Piece(5, "")));
        Assert.Equal(["0 abcde"], Texts(_tail.Pieces));
        Assert.Equal(5, _tail.End);
    }

    [Fact]
    public void What_is_left_out_stays_a_gap()
    {
        _tail.Add(Piece(0, "ab"));
        _tail.Add(Piece(100, "cd"));
        Assert.Equal(["0 ab", "100 cd"], Texts(_tail.Pieces));
        Assert.Equal(["1 b", "100 cd"], Texts(_tail.From(1)));
        Assert.Equal(["100 cd"], Texts(_tail.From(50)));
        Assert.Equal(["101 d"], Texts(_tail.From(101)));
        Assert.Empty(_tail.From(102));
        Assert.Empty(_tail.From(long.MaxValue));
    }

    [Fact]
    public void The_oldest_goes_when_there_is_too_much()
    {
        _tail.Add(Piece(0, "abcd"));
        _tail.Add(Piece(10, "efgh"));
        _tail.Add(Piece(20, "ijkl"));
        Assert.Equal(["10 efgh", "20 ijkl"], Texts(_tail.Pieces));
    }

    [Fact]
    public void Pieces_are_few_however_short_they_are()
    {
        var tail = new OutputTail();
        for (var n = 0; n < 1_000; n++) tail.Add(Piece(n * 10, "x"));
        Assert.Equal(OutputTail.PiecesMax, tail.Pieces.Count);
        Assert.Equal(9990, tail.Pieces[^1].Offset);
    }

    [Fact]
    public void A_long_build_keeps_its_last_part()
    {
        var tail = new OutputTail();
        for (var n = 0; n < 1_000; n++) tail.Add(new OutputPiece(n * 1_000L, new byte[1_000]));
        var kept = tail.Pieces.Sum(piece => piece.Bytes.Length);
        Assert.InRange(kept, OutputTail.BytesMax - OutputTail.PieceBytesMax, OutputTail.BytesMax);
        Assert.All(tail.Pieces, piece => Assert.InRange(piece.Bytes.Length, 1, OutputTail.PieceBytesMax));
        Assert.Equal(1_000_000, tail.Pieces[^1].End);
    }

    [Fact]
    public void All_of_it_can_be_replaced()
    {
        _tail.Add(Piece(100, "late"));
        _tail.Replace([Piece(0, "ab"), Piece(100, "late")]);
        Assert.Equal(["0 ab", "100 late"], Texts(_tail.Pieces));
        _tail.Replace([]);
        Assert.Empty(_tail.Pieces);
        Assert.Equal(0, _tail.End);
    }

    private static OutputPiece Piece(long offset, string text) => new(offset, System.Text.Encoding.UTF8.GetBytes(text));

    private static string Text(OutputPiece? piece) => System.Text.Encoding.UTF8.GetString(piece!.Value.Bytes.Span);

    private static IEnumerable<string> Texts(IEnumerable<OutputPiece> pieces) =>
        pieces.Select(piece => $"{piece.Offset} {Text(piece)}");
}
