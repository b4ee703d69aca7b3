using System.Diagnostics;
using FsCheck;
using FsCheck.Xunit;
using Piwheels.Slave.Wheels;
using Xunit;

namespace Piwheels.Tests.Slave.Wheels;

public sealed class ElfFileTests
{
    [Theory]
    [InlineData(64, true)]
    [InlineData(64, false)]
    [InlineData(32, true)]
    [InlineData(32, false)]
    public void Both_sizes_and_byte_orders_are_read(int bits, bool isLittleEndian)
    {
        var file = Read(new ElfMaker
        {
            Bits = bits,
            IsLittleEndian = isLittleEndian,
            Machine = 40,
            Needed = ["libc.so.6", "libm.so.6"],
            Soname = "libthing.so.1",
            Runpath = "$ORIGIN/../thing.libs:/opt/lib",
        });

        Assert.Equal(new ElfKind(bits, isLittleEndian, 40), file.Kind);
        Assert.Equal(["libc.so.6", "libm.so.6"], file.Needed);
        Assert.Equal("libthing.so.1", file.Soname);
        Assert.Equal(["$ORIGIN/../thing.libs", "/opt/lib"], file.SearchPath);
    }

    [Fact]
    public void A_runpath_makes_an_rpath_count_for_nothing()
    {
        Assert.Equal(["/new"], Read(new ElfMaker { Rpath = "/old", Runpath = "/new" }).SearchPath);
        Assert.Equal(["/old"], Read(new ElfMaker { Rpath = "/old" }).SearchPath);
    }

    [Theory]
    [InlineData("/bin/ls")]
    [InlineData("/bin/sh")]
    [InlineData("/usr/lib/x86_64-linux-gnu/libzmq.so.5")]
    [InlineData("/usr/lib/x86_64-linux-gnu/libstdc++.so.6")]
    public void Files_of_this_machine_are_read_as_readelf_reads_them(string path)
    {
        Assert.SkipUnless(File.Exists(path) && File.Exists("/usr/bin/readelf"), "not on this machine");
        using var stream = File.OpenRead(path);
        Assert.True(ElfFile.TryRead(stream, out var file));

        var shown = ReadElf(path);
        Assert.Equal(Values(shown, "(NEEDED)"), file.Needed);
        Assert.Equal(Values(shown, "(SONAME)").SingleOrDefault(), file.Soname);
    }

    [Fact]
    public void What_is_no_program_and_no_shared_object_is_passed_over()
    {
        Assert.False(TryRead([]));
        Assert.False(TryRead("\u007fELF"u8.ToArray()));
        Assert.False(TryRead(new byte[1 << 20]));
        Assert.False(TryRead(new ElfMaker { Type = 1 }.ToBytes()));
        Assert.False(TryRead(new ElfMaker { Type = 4 }.ToBytes()));
        Assert.False(TryRead("#!/bin/sh\necho hello, this is much longer than any header needs to be\n"u8.ToArray()));
    }

    [Fact]
    public void Names_out_of_proportion_are_refused()
    {
        Assert.True(TryRead(new ElfMaker { Needed = [new string('l', ElfFile.NameBytesMax)] }.ToBytes()));
        Assert.False(TryRead(new ElfMaker { Needed = [new string('l', ElfFile.NameBytesMax + 1)] }.ToBytes()));
        Assert.False(TryRead(new ElfMaker { Needed = ["lib\nc.so"] }.ToBytes()));
        Assert.False(TryRead(new ElfMaker { Needed = [.. Enumerable.Repeat("l", ElfFile.NeededMax + 1)] }.ToBytes()));
        Assert.False(TryRead(new ElfMaker { Runpath = new string('/', ElfFile.SearchPathBytesMax + 1) }.ToBytes()));
    }

    [Property(MaxTest = 2_000)]
    public bool Whatever_bytes_are_changed_or_cut_reading_ends(NonNegativeInt at, byte value, NonNegativeInt second, NonNegativeInt cut, bool is64)
    {
        var file = new ElfMaker { Bits = is64 ? 64 : 32, Needed = ["libc.so.6"], Soname = "a", Rpath = "b", Functions = ["PyInit_c"] }.ToBytes();
        file[at.Get % file.Length] = value;
        file[second.Get % file.Length] ^= 0xff;
        var length = cut.Get % 2 == 0 ? file.Length : cut.Get % file.Length;
        _ = ElfFile.TryRead(new MemoryStream(file, 0, length), out _);
        return true;
    }

    private static ElfFile Read(ElfMaker maker)
    {
        Assert.True(ElfFile.TryRead(new MemoryStream(maker.ToBytes()), out var file));
        return file;
    }

    private static bool TryRead(byte[] content) => ElfFile.TryRead(new MemoryStream(content), out _);

    private static string ReadElf(string path)
    {
        var start = new ProcessStartInfo("/usr/bin/readelf", ["-dW", path])
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return output;
    }

    private static IEnumerable<string> Values(string shown, string tag) =>
        shown.Split('\n').Where(line => line.Contains(tag, StringComparison.Ordinal)).Select(line => line.Split('[', ']')[1]);
}
