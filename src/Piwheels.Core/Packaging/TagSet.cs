using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace Piwheels.Core.Packaging;

/// <summary>One tag of a wheel (PEP 425): what it needs of interpreter, ABI and platform. Lower case.</summary>
public readonly record struct WheelTag(string Python, string Abi, string Platform)
{
    public override string ToString() => $"{Python}-{Abi}-{Platform}";
}

/// <summary>
/// The tags of a wheel, from the compressed form of its file name (PEP 425, "Compressed tag sets"): each part may
/// hold several, joined with dots, and all combinations are meant. Without repetitions, in the order written.
/// </summary>
public sealed class TagSet : IReadOnlyList<WheelTag>
{
    /// <summary>Most combinations that a set may stand for.</summary>
    public const int TagsMax = 1_000;

    private readonly WheelTag[] _tags;

    private TagSet(WheelTag[] tags) => _tags = tags;

    public int Count => _tags.Length;

    public WheelTag this[int index] => _tags[index];

    /// <summary>Reads three compressed tags. False when one is empty, has strange characters, or there are too many.</summary>
    public static bool TryParse(string python, string abi, string platform, [NotNullWhen(true)] out TagSet? tags)
    {
        tags = null;
        if (!TrySplit(python, out var pythons) || !TrySplit(abi, out var abis) || !TrySplit(platform, out var platforms))
        {
            return false;
        }

        if ((long)pythons.Length * abis.Length * platforms.Length > TagsMax) return false;
        var all =
            from p in pythons
            from a in abis
            from f in platforms
            select new WheelTag(p, a, f);
        tags = new TagSet([.. all.Distinct()]);
        return true;
    }

    public IEnumerator<WheelTag> GetEnumerator() => ((IEnumerable<WheelTag>)_tags).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public override string ToString() => string.Join(' ', _tags);

    private static bool TrySplit(string compressed, out string[] tags)
    {
        tags = [];
        if (compressed.Length > WheelFileName.LengthMax) return false;
        var split = compressed.ToLowerInvariant().Split('.');
        foreach (var tag in split)
        {
            if (tag.Length == 0) return false;
            foreach (var c in tag)
            {
                if (!char.IsAsciiLetterOrDigit(c) && c != '_') return false;
            }
        }

        tags = split;
        return true;
    }
}
