using System.Text;
using Piwheels.Core.AccessLog;

namespace Piwheels.Logger.Formats;

/// <summary>
/// Agents by what they say of themselves, so that what a million lines say is read once. Begins anew when it is full.
/// </summary>
internal sealed class AgentBook
{
    /// <summary>Agents kept; with what they say some 10 MB.</summary>
    public const int CountMax = 8_192;

    private readonly Dictionary<byte[], WebAgent> _agents;
    private readonly Dictionary<byte[], WebAgent>.AlternateLookup<ReadOnlySpan<byte>> _bySpan;

    public AgentBook()
    {
        _agents = new Dictionary<byte[], WebAgent>(new BytesComparer());
        _bySpan = _agents.GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    /// <summary>The agent of a header's bytes.</summary>
    public WebAgent Of(ReadOnlySpan<byte> header)
    {
        if (header.IsEmpty) return WebAgent.None;
        if (header.Length > UserAgent.LengthMax) return new WebAgent(Encoding.UTF8.GetString(header));
        if (_bySpan.TryGetValue(header, out var known)) return known;
        if (_agents.Count == CountMax) _agents.Clear();
        var agent = new WebAgent(Encoding.UTF8.GetString(header));
        _agents.Add(header.ToArray(), agent);
        return agent;
    }

    private sealed class BytesComparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(byte[] obj) => GetHashCode(obj.AsSpan());

        public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

        // Of a key that each process chooses for itself: nobody can choose agents that fall together
        public int GetHashCode(ReadOnlySpan<byte> alternate)
        {
            var hash = default(HashCode);
            hash.AddBytes(alternate);
            return hash.ToHashCode();
        }

        public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
    }
}
