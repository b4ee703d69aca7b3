using System.Buffers;
using System.Collections;
using System.Text;
using Piwheels.Core.Packaging;

namespace Piwheels.Core.Database;

/// <summary>
/// All packages with their downloads, in no particular order. Packed: the index of PyPI takes some 30 MB, a third of
/// what as many objects would, and goes from hand to hand as three blocks. Never changes; a change makes another one.
/// </summary>
public sealed class SearchIndex : IReadOnlyList<SearchEntry>
{
    /// <summary>What parts the names in <see cref="Names"/>; no name has it.</summary>
    public const byte Separator = (byte)' ';

    public static readonly SearchIndex Empty = new(ReadOnlyMemory<byte>.Empty, [], []);

    private readonly ReadOnlyMemory<byte> _names;
    private readonly int[] _starts;
    private readonly long[] _recent;
    private readonly long[] _all;

    /// <param name="names">Canonical names in ASCII, parted by <see cref="Separator"/>.</param>
    /// <param name="recent">Downloads of 30 days, in the order of the names.</param>
    /// <param name="all">Downloads in all, in the order of the names.</param>
    /// <exception cref="FormatException">A name is none, or there are not as many names as figures.</exception>
    public SearchIndex(ReadOnlyMemory<byte> names, long[] recent, long[] all)
    {
        ArgumentNullException.ThrowIfNull(recent);
        ArgumentNullException.ThrowIfNull(all);
        var count = names.IsEmpty ? 0 : names.Span.Count(Separator) + 1;
        if (recent.Length != count || all.Length != count)
            throw new FormatException($"{recent.Length} and {all.Length} figures for {count} names");
        (_names, _recent, _all) = (names, recent, all);
        _starts = new int[count];
        var at = 0;
        for (var index = 0; index < count; index++)
        {
            _starts[index] = at;
            var rest = names.Span[at..];
            var length = index + 1 < count ? rest.IndexOf(Separator) : rest.Length;
            if (!IsCanonical(rest[..length])) throw new FormatException($"no package name at byte {at} of the index");
            at += length + 1;
        }
    }

    public ReadOnlyMemory<byte> Names => _names;

    public ReadOnlySpan<long> Recent => _recent;

    public ReadOnlySpan<long> All => _all;

    public int Count => _starts.Length;

    public SearchEntry this[int index] => new(NameAt(index), _recent[index], _all[index]);

    public static SearchIndex Of(IEnumerable<SearchEntry> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        var packed = new Packing(0, 0);
        foreach (var entry in entries) packed.Add(entry);
        return packed.ToIndex();
    }

    /// <summary>This index after some changes.</summary>
    public SearchIndex With(SearchChanges changes)
    {
        ArgumentNullException.ThrowIfNull(changes);
        if (changes.Complete) return changes.Entries;
        if (changes.IsEmpty) return this;
        var changed = changes.Entries.Select(entry => entry.Package).Concat(changes.Gone)
            .Select(package => package.Value).ToHashSet(StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();
        var packed = new Packing(Count + changes.Entries.Count, _names.Length + changes.Entries.Names.Length + 1);
        Span<char> text = stackalloc char[PackageName.LengthMax];
        for (var index = 0; index < Count; index++)
        {
            var name = NameBytes(index);
            if (!changed.Contains(text[..Encoding.ASCII.GetChars(name, text)]))
                packed.Add(name, _recent[index], _all[index]);
        }

        foreach (var entry in changes.Entries) packed.Add(entry);
        return packed.ToIndex();
    }

    public IEnumerator<SearchEntry> GetEnumerator()
    {
        for (var index = 0; index < Count; index++) yield return this[index];
    }

    /// <summary>The name of an entry, in ASCII.</summary>
    public ReadOnlySpan<byte> NameBytes(int index)
    {
        var end = index + 1 < Count ? _starts[index + 1] - 1 : _names.Length;
        return _names.Span[_starts[index]..end];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private PackageName NameAt(int index) => PackageName.Parse(Encoding.ASCII.GetString(NameBytes(index)));

    /// <summary>An index on its way.</summary>
    private sealed class Packing(int count, int nameBytes)
    {
        private readonly ArrayBufferWriter<byte> _names = new(Math.Max(1, nameBytes));
        private readonly List<long> _recent = new(count);
        private readonly List<long> _all = new(count);

        internal void Add(SearchEntry entry) =>
            Add(Encoding.ASCII.GetBytes(entry.Package.Value), entry.DownloadsRecent, entry.DownloadsAll);

        internal void Add(ReadOnlySpan<byte> name, long recent, long all)
        {
            if (_recent.Count > 0) _names.Write([Separator]);
            _names.Write(name);
            _recent.Add(recent);
            _all.Add(all);
        }

        internal SearchIndex ToIndex() =>
            new(_names.WrittenMemory, [.. _recent], [.. _all]);
    }

    private static bool IsCanonical(ReadOnlySpan<byte> name)
    {
        if (name.IsEmpty || name.Length > PackageName.LengthMax || name[0] == '-' || name[^1] == '-') return false;
        foreach (var letter in name)
        {
            if (letter is not ((>= (byte)'a' and <= (byte)'z') or (>= (byte)'0' and <= (byte)'9') or (byte)'-'))
                return false;
        }

        return true;
    }
}

/// <summary>What has changed in the search index since a mark.</summary>
/// <param name="Mark">Stands for this moment: to be given back when asking for what has changed after it.</param>
/// <param name="Complete">
/// The former mark was unknown or too old, so this is the whole index, and what is not in it is gone.
/// </param>
/// <param name="Entries">Packages that are new, or have other figures; some may be as they were.</param>
/// <param name="Gone">Packages that are not in the index any more, if they ever were.</param>
public sealed record SearchChanges(
    string Mark, bool Complete, SearchIndex Entries, IReadOnlyCollection<PackageName> Gone)
{
    /// <summary>Nothing has changed.</summary>
    public bool IsEmpty => !Complete && Entries.Count == 0 && Gone.Count == 0;
}
