using System.Buffers.Binary;
using System.Text;

namespace Piwheels.Tests.Slave.Wheels;

/// <summary>Makes the smallest ELF files that have a dynamic section, for any kind of machine.</summary>
internal sealed class ElfMaker
{
    private const int TextAddress = 0x10000;

    public int Bits { get; init; } = 64;

    public bool IsLittleEndian { get; init; } = true;

    public int Machine { get; init; } = 62;

    public int Type { get; init; } = 3;

    public string[] Needed { get; init; } = [];

    public string? Soname { get; init; }

    public string? Rpath { get; init; }

    public string? Runpath { get; init; }

    /// <summary>What it needs of the processor beyond the machine.</summary>
    public int Flags { get; init; }

    /// <summary>Names of functions; only their texts are there.</summary>
    public string[] Functions { get; init; } = [];

    /// <summary>Bytes of content that nobody reads.</summary>
    public int Padding { get; init; }

    public byte[] ToBytes()
    {
        var is64 = Bits == 64;
        var (headerBytes, segmentBytes, wordBytes) = is64 ? (64, 56, 8) : (52, 32, 4);
        var texts = new List<byte> { 0 };
        var dynamic = new List<(long Tag, long Value)>();
        foreach (var name in Needed) dynamic.Add((1, Text(texts, name)));
        if (Soname is not null) dynamic.Add((14, Text(texts, Soname)));
        if (Rpath is not null) dynamic.Add((15, Text(texts, Rpath)));
        if (Runpath is not null) dynamic.Add((29, Text(texts, Runpath)));

        foreach (var name in Functions) Text(texts, name);

        var dynamicStart = headerBytes + (2 * segmentBytes);
        var textStart = dynamicStart + ((dynamic.Count + 3) * 2 * wordBytes);
        dynamic.Add((5, TextAddress + textStart));
        dynamic.Add((10, texts.Count));
        dynamic.Add((0, 0));
        var file = new byte[textStart + texts.Count + Padding];
        "\u007fELF"u8.CopyTo(file);
        file[4] = (byte)(is64 ? 2 : 1);
        file[5] = (byte)(IsLittleEndian ? 1 : 2);
        file[6] = 1;
        Put(file, 16, 2, Type);
        Put(file, 18, 2, Machine);
        Put(file, is64 ? 32 : 28, wordBytes, headerBytes);
        Put(file, is64 ? 48 : 36, 4, Flags);
        Put(file, is64 ? 54 : 42, 2, segmentBytes);
        Put(file, is64 ? 56 : 44, 2, 2);
        PutSegment(file, headerBytes, 1, 0, TextAddress, file.Length);
        PutSegment(file, headerBytes + segmentBytes, 2, dynamicStart, TextAddress + dynamicStart, textStart - dynamicStart);
        for (var i = 0; i < dynamic.Count; i++)
        {
            Put(file, dynamicStart + (i * 2 * wordBytes), wordBytes, dynamic[i].Tag);
            Put(file, dynamicStart + (((i * 2) + 1) * wordBytes), wordBytes, dynamic[i].Value);
        }

        texts.CopyTo(file, textStart);
        return file;
    }

    private static int Text(List<byte> texts, string text)
    {
        var at = texts.Count;
        texts.AddRange(Encoding.UTF8.GetBytes(text));
        texts.Add(0);
        return at;
    }

    private void PutSegment(byte[] file, int at, int type, long offset, long address, long length)
    {
        Put(file, at, 4, type);
        var (offsetAt, addressAt, lengthAt, wordBytes) = Bits == 64 ? (8, 16, 32, 8) : (4, 8, 16, 4);
        Put(file, at + offsetAt, wordBytes, offset);
        Put(file, at + addressAt, wordBytes, address);
        Put(file, at + lengthAt, wordBytes, length);
    }

    private void Put(byte[] file, int at, int bytes, long value)
    {
        Span<byte> word = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(word, value);
        if (!IsLittleEndian) word[..bytes].Reverse();
        word[..bytes].CopyTo(file.AsSpan(at));
    }
}
