using FsCheck;
using FsCheck.Xunit;
using Piwheels.Core.Ranges;
using Xunit;

namespace Piwheels.Tests.Core;

/// <summary>Ranges against a bitmap: what is in them, byte by byte.</summary>
public sealed class ByteRangesTests
{
    private const int StreamBytes = 64;

    [Theory]
    [InlineData("0-5 4-10", "0-10")]
    [InlineData("0-5 5-10", "0-10")]
    [InlineData("0-5 6-10", "0-5 6-10")]
    [InlineData("0-9 2-4 9-9", "0-9")]
    public void Ranges_that_overlap_or_touch_become_one(string ranges, string expected) =>
        Assert.Equal(Read(expected), ByteRanges.Consolidate(Read(ranges)));

    [Theory]
    [InlineData("0-10", "0-2", "2-10")]
    [InlineData("0-10", "2-4", "0-2 4-10")]
    [InlineData("0-10", "3-3", "0-10")]
    [InlineData("0-4 6-10", "0-10", "")]
    public void An_excluded_range_is_taken_out(string ranges, string excluded, string expected) =>
        Assert.Equal(Read(expected), ByteRanges.Exclude(Read(ranges), Read(excluded).Single()));

    [Theory]
    [InlineData("0-10", 5, "0-5 5-10")]
    [InlineData("0-10", 0, "0-10")]
    [InlineData("0-10", 10, "0-10")]
    [InlineData("0-10", 20, "0-10")]
    public void A_range_is_cut_at_an_offset_within_it(string ranges, long offset, string expected) =>
        Assert.Equal(Read(expected), ByteRanges.Split(Read(ranges), offset));

    [Fact]
    public void Ranges_apart_share_nothing()
    {
        Assert.Null(ByteRanges.Intersect(new ByteRange(0, 5), new ByteRange(5, 10)));
        Assert.Null(ByteRanges.Intersect(new ByteRange(0, 10), new ByteRange(4, 2)));
        Assert.Equal(new ByteRange(2, 5), ByteRanges.Intersect(new ByteRange(0, 10), new ByteRange(2, 5)));
    }

    [Fact]
    public void Ranges_reach_to_the_end_of_the_largest_stream()
    {
        var all = new ByteRange(0, long.MaxValue);
        Assert.Equal([new ByteRange(1, long.MaxValue)], ByteRanges.Exclude([all], new ByteRange(0, 1)));
    }

    [Property]
    public bool Consolidating_keeps_every_byte_and_leaves_gaps_between(byte[] seeds)
    {
        var ranges = Ranges(seeds);
        var result = ByteRanges.Consolidate(ranges);
        return Bits(result).SequenceEqual(Bits(ranges)) && result.Zip(result.Skip(1)).All(p => p.First.End < p.Second.Start);
    }

    [Property]
    public bool Excluding_takes_away_exactly_the_bytes(byte[] seeds, byte start, byte length)
    {
        var ranges = ByteRanges.Consolidate(Ranges(seeds));
        var excluded = Range(start, length);
        var expected = Bits(ranges).Zip(Bits([excluded]), (has, gone) => has && !gone);
        return Bits(ByteRanges.Exclude(ranges, excluded)).SequenceEqual(expected);
    }

    [Property]
    public bool Intersecting_leaves_the_bytes_of_both(byte start, byte length, byte otherStart, byte otherLength)
    {
        var (first, second) = (Range(start, length), Range(otherStart, otherLength));
        var expected = Bits([first]).Zip(Bits([second]), (left, right) => left && right);
        return Bits(ByteRanges.Intersect(first, second) is { } common ? [common] : []).SequenceEqual(expected);
    }

    [Property]
    public bool Splitting_keeps_every_byte_and_makes_a_border(byte[] seeds, byte offset)
    {
        var ranges = ByteRanges.Consolidate(Ranges(seeds));
        var result = ByteRanges.Split(ranges, offset);
        return Bits(result).SequenceEqual(Bits(ranges))
            && result.All(range => !range.Contains(offset) || range.Start == offset);
    }

    private static ByteRange Range(byte start, byte length) =>
        new(start % StreamBytes, Math.Min(StreamBytes, (start % StreamBytes) + (length % 16)));

    private static List<ByteRange> Ranges(byte[] seeds) =>
        [.. seeds.Zip(seeds.Skip(1), Range).OrderBy(range => range.Start)];

    private static bool[] Bits(IEnumerable<ByteRange> ranges)
    {
        var bits = new bool[StreamBytes];
        foreach (var range in ranges) bits.AsSpan((int)range.Start, (int)range.Length).Fill(true);
        return bits;
    }

    private static List<ByteRange> Read(string text) =>
        [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(part => part.Split('-'))
            .Select(ends => new ByteRange(long.Parse(ends[0]), long.Parse(ends[1])))];
}
