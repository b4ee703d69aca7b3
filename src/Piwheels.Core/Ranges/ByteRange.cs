namespace Piwheels.Core.Ranges;

/// <summary>The bytes from <paramref name="Start"/> up to, and without, <paramref name="End"/>.</summary>
public readonly record struct ByteRange(long Start, long End)
{
    /// <summary>How many bytes; 0 where the end is not past the start.</summary>
    public long Length => Math.Max(0, End - Start);

    public bool IsEmpty => End <= Start;

    public bool Contains(long offset) => offset >= Start && offset < End;

    public override string ToString() => $"[{Start}, {End})";
}
