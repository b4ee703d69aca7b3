using System.Text;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Publishing;

/// <summary>
/// Package names in order, packed as UTF-8: a million of them take some 20 MB, a fifth of what strings would. Never
/// changes; a change makes another list.
/// </summary>
internal sealed class PackageList
{
    internal static readonly PackageList Empty = new([], []);

    private readonly byte[] _names;
    private readonly int[] _ends;

    private PackageList(byte[] names, int[] ends)
    {
        _names = names;
        _ends = ends;
    }

    internal int Count => _ends.Length;

    internal ReadOnlySpan<byte> this[int index] =>
        _names.AsSpan((index == 0 ? 0 : _ends[index - 1]).._ends[index]);

    internal bool Contains(PackageName package) => IndexOf(Encoding.UTF8.GetBytes(package.Value)) >= 0;

    /// <summary>This list with some names more and some less. What is in both sets is left out.</summary>
    internal PackageList With(IReadOnlySet<PackageName> added, IReadOnlySet<PackageName> removed)
    {
        var extra = added.Where(name => !Contains(name) && !removed.Contains(name)).Order()
            .Select(name => Encoding.UTF8.GetBytes(name.Value)).ToArray();
        var gone = removed.Where(Contains).Select(name => IndexOf(Encoding.UTF8.GetBytes(name.Value))).ToHashSet();
        if (extra.Length == 0 && gone.Count == 0) return this;

        var names = new byte[_names.Length + extra.Sum(name => name.Length) - gone.Sum(index => this[index].Length)];
        var ends = new int[Count + extra.Length - gone.Count];
        var (at, count, next) = (0, 0, 0);
        for (var i = 0; i < Count; i++)
        {
            while (next < extra.Length && extra[next].AsSpan().SequenceCompareTo(this[i]) < 0) Append(extra[next++]);
            if (!gone.Contains(i)) Append(this[i]);
        }

        while (next < extra.Length) Append(extra[next++]);
        return new PackageList(names, ends);

        void Append(ReadOnlySpan<byte> name)
        {
            name.CopyTo(names.AsSpan(at));
            at += name.Length;
            ends[count++] = at;
        }
    }

    public Enumerator GetEnumerator() => new(this);

    private int IndexOf(ReadOnlySpan<byte> name)
    {
        var (low, high) = (0, Count - 1);
        while (low <= high)
        {
            var middle = low + ((high - low) / 2);
            var order = this[middle].SequenceCompareTo(name);
            if (order == 0) return middle;
            if (order < 0) low = middle + 1;
            else high = middle - 1;
        }

        return ~low;
    }

    internal ref struct Enumerator(PackageList list)
    {
        private int _index = -1;

        public readonly ReadOnlySpan<byte> Current => list[_index];

        public bool MoveNext() => ++_index < list.Count;
    }
}
