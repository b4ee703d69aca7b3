namespace Piwheels.Core.Packaging;

/// <summary>The checksum of zip files (CRC-32 of ISO 3309, reflected), over parts of a stream.</summary>
internal struct Crc32
{
    private static readonly uint[] Table = MakeTable();

    private uint _inverted;

    /// <summary>The checksum of everything added.</summary>
    public readonly uint Value => _inverted;

    public void Add(ReadOnlySpan<byte> bytes)
    {
        var crc = ~_inverted;
        foreach (var b in bytes) crc = Table[(byte)(crc ^ b)] ^ (crc >> 8);
        _inverted = ~crc;
    }

    private static uint[] MakeTable()
    {
        const uint Polynomial = 0xEDB88320;
        var table = new uint[256];
        for (var i = 0u; i < table.Length; i++)
        {
            var value = i;
            for (var bit = 0; bit < 8; bit++) value = (value & 1) != 0 ? (value >> 1) ^ Polynomial : value >> 1;
            table[i] = value;
        }

        return table;
    }
}
