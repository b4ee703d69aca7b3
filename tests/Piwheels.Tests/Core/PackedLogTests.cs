using System.IO.Compression;
using System.Text;
using Piwheels.Core.Logs;
using Piwheels.Core.Packaging;
using Xunit;

namespace Piwheels.Tests.Core;

/// <summary>Logs as they are published.</summary>
public sealed class PackedLogTests
{
    private static readonly PackageName Numpy = PackageName.Parse("numpy");

    [Theory]
    [InlineData("")]
    [InlineData("one\ntwo \ud83d\ude00\n")]
    public void A_log_comes_out_as_it_went_in_and_names_its_package(string text)
    {
        var packed = Pack(text);
        using var unpacked = new StreamReader(new GZipStream(new MemoryStream(packed), CompressionMode.Decompress), Encoding.UTF8);
        Assert.Equal(text, unpacked.ReadToEnd());
        Assert.True(PackedLog.TryReadPackage(packed.AsSpan()[..Math.Min(packed.Length, PackedLog.HeadBytesMax)], out var package));
        Assert.Equal(Numpy, package);
    }

    [Fact]
    public void The_longest_name_is_found()
    {
        var name = PackageName.Parse(new string('x', 200));
        var packed = new MemoryStream();
        PackedLog.Write(packed, name, "log");
        Assert.True(PackedLog.TryReadPackage(packed.ToArray(), out var package));
        Assert.Equal(name, package);
    }

    [Fact]
    public void What_does_not_say_so_is_of_no_package()
    {
        var packed = Pack("log");
        for (var length = 0; length < 10 + "numpy\0".Length; length++)
            Assert.False(PackedLog.TryReadPackage(packed.AsSpan(0, length), out _));
        foreach (var (at, value) in new[] { (0, 0), (1, 0), (3, 0), (3, 0x18), (10, (int)'/'), (10, '.'), (10, 0), (12, 0xe9) })
        {
            var other = packed.ToArray();
            other[at] = (byte)value;
            Assert.False(PackedLog.TryReadPackage(other, out _));
        }
    }

    private static byte[] Pack(string text)
    {
        var packed = new MemoryStream();
        PackedLog.Write(packed, Numpy, text);
        return packed.ToArray();
    }
}
