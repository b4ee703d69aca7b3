namespace Piwheels.Core.Ranges;

/// <summary>
/// Keeps track of parts of a stream. Lists of ranges are in ascending order of their starts; results hold no empty
/// ranges.
/// </summary>
public static class ByteRanges
{
    /// <summary>Joins ranges that overlap or touch.</summary>
    public static IReadOnlyList<ByteRange> Consolidate(IEnumerable<ByteRange> ranges)
    {
        var result = new List<ByteRange>();
        foreach (var range in ranges.Where(r => !r.IsEmpty))
        {
            if (result.Count > 0 && range.Start <= result[^1].End)
            {
                result[^1] = result[^1] with { End = Math.Max(result[^1].End, range.End) };
            }
            else
            {
                result.Add(range);
            }
        }

        return result;
    }

    /// <summary>Takes the bytes of <paramref name="excluded"/> out of ranges that do not overlap.</summary>
    public static IReadOnlyList<ByteRange> Exclude(IEnumerable<ByteRange> ranges, ByteRange excluded)
    {
        var result = new List<ByteRange>();
        foreach (var range in ranges.Where(r => !r.IsEmpty))
        {
            if (Intersect(range, excluded) is not { } common)
            {
                result.Add(range);
                continue;
            }

            if (range.Start < common.Start) result.Add(new ByteRange(range.Start, common.Start));
            if (common.End < range.End) result.Add(new ByteRange(common.End, range.End));
        }

        return result;
    }

    /// <summary>The bytes that two ranges share; null when there are none.</summary>
    public static ByteRange? Intersect(ByteRange first, ByteRange second)
    {
        var common = new ByteRange(Math.Max(first.Start, second.Start), Math.Min(first.End, second.End));
        return common.IsEmpty ? null : common;
    }

    /// <summary>Cuts the range that holds <paramref name="offset"/> before it; others stay as they are.</summary>
    public static IReadOnlyList<ByteRange> Split(IEnumerable<ByteRange> ranges, long offset)
    {
        var result = new List<ByteRange>();
        foreach (var range in ranges.Where(r => !r.IsEmpty))
        {
            if (range.Contains(offset) && range.Start < offset)
            {
                result.Add(range with { End = offset });
                result.Add(range with { Start = offset });
            }
            else
            {
                result.Add(range);
            }
        }

        return result;
    }
}
