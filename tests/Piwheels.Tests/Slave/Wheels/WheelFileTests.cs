using System.Security.Cryptography;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Slave.Wheels;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Slave.Wheels;

public sealed class WheelFileTests : IDisposable
{
    private static readonly MarkerEnvironment Here = MarkerEnvironment.ForTarget(new Target("cp311", "linux_x86_64"))!;
    private static readonly Release Thing = new(PackageName.Parse("thing"), "1.0");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_whole_wheel_is_described()
    {
        var path = new WheelMaker(tags: "cp311-cp311-linux_x86_64")
        {
            Fields = "Requires-Python: >=3.9\nRequires-Dist: Flask_RESTful>=1\nRequires-Dist: pytest; extra == 'test'",
        }.WriteTo(_folder.Path);

        var file = Accept(path);

        Assert.Equal("thing-1.0-cp311-cp311-linux_x86_64.whl", file.Filename);
        Assert.Equal(new FileInfo(path).Length, file.FileSize);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path))), file.FileHash);
        Assert.Equal(("thing", "1.0", "cp311", "cp311", "linux_x86_64"),
            (file.PackageTag, file.PackageVersionTag, file.PyVersionTag, file.AbiTag, file.PlatformTag));
        Assert.Equal(">=3.9", file.RequiresPython);
        Assert.Equal(["flask-restful"], file.Dependencies[FileState.PipTool]);
        Assert.Equal([FileState.PipTool], file.Dependencies.Keys);
    }

    [Fact]
    public void Another_spelling_of_project_and_version_is_the_same()
    {
        var path = new WheelMaker("Thing", "1.0.0") { Metadata = "Name: THING\nVersion: v1.0\n" }.WriteTo(_folder.Path);
        Assert.Equal("Thing-1.0.0-py3-none-any.whl", Accept(path).Filename);
    }

    [Theory]
    [InlineData("other", "1.0", null, "not of thing")]
    [InlineData("thing", "1.1", null, "not of version")]
    [InlineData("thing", "1.0+local", null, "not of version")]
    [InlineData("thing", "1.0", "Name: other\nVersion: 1.0\n", "not what it says")]
    [InlineData("thing", "1.0", "Name: thing\nVersion: 2.0\n", "not what it says")]
    [InlineData("thing", "1.0", "nothing", "broken")]
    public void A_wheel_of_something_else_is_refused(string name, string version, string? metadata, string expected) =>
        AssertRefused(new WheelMaker(name, version) { Metadata = metadata }.WriteTo(_folder.Path), expected);

    [Fact]
    public void Escaping_and_repeated_entries_are_refused()
    {
        AssertRefused(new WheelMaker().With("../../evil.py", "x").WriteTo(_folder.Path), "leads out");
        AssertRefused(new WheelMaker().With("a.py", "x").With("a.py", "y").WriteTo(_folder.Path), "twice");
    }

    [Fact]
    public void A_file_anywhere_in_the_wheel_with_a_wrong_checksum_breaks_it()
    {
        var wheel = new WheelMaker().With("thing/last.bin", [.. "a content to be found again"u8])
            .ToBytes(System.IO.Compression.CompressionLevel.NoCompression);
        wheel[wheel.AsSpan().IndexOf("found again"u8)] ^= 1;
        var path = _folder["thing-1.0-py3-none-any.whl"];
        File.WriteAllBytes(path, wheel);
        AssertRefused(path, "checksum");
    }

    [Fact]
    public void What_is_no_wheel_is_refused()
    {
        AssertRefused(_folder.Write("thing-1.0-py3-none-any.whl", "no zip"), "broken");
        AssertRefused(_folder.Write("thing-1.0-py2-none-any.whl", ""), "no plain file");
        AssertRefused(_folder.Write("thing.whl", "x"), "not the name");
        AssertRefused(_folder["thing-1.0-cp1-none-any.whl"], "no plain file");
        File.CreateSymbolicLink(_folder["thing-1.0-cp2-none-any.whl"], new WheelMaker(tags: "py4-none-any").WriteTo(_folder.Path));
        AssertRefused(_folder["thing-1.0-cp2-none-any.whl"], "no plain file");
    }

    [Fact]
    public void A_tag_longer_than_the_database_holds_is_refused()
    {
        var platforms = string.Join('.', Enumerable.Range(0, 11).Select(i => $"linux_{i:0000}"));
        AssertRefused(new WheelMaker(tags: $"py3-none-{platforms}").WriteTo(_folder.Path), "tag longer");
    }

    [Fact]
    public void Libraries_of_the_wheel_lead_to_packages_and_unowned_names()
    {
        Assert.SkipUnless(File.Exists("/usr/lib/x86_64-linux-gnu/libzmq.so.5"), "not on this machine");
        var maker = new WheelMaker(tags: "cp311-cp311-linux_x86_64")
            .With("thing/core.so", new ElfMaker { Needed = ["libzmq.so.5", "libbundled.so.1", "libnowhere.so.7"], Runpath = "$ORIGIN/libs" }.ToBytes())
            .With("thing/libs/libbundled.so.1", new ElfMaker { Needed = ["libc.so.6"] }.ToBytes())
            .With("thing-1.0.data/platlib/thing/big.so", new ElfMaker { Needed = ["libbundled.so.1"], Runpath = "$ORIGIN/libs", Padding = 9 << 20 }.ToBytes())
            .With("thing/broken.so", "\u007fELF and nothing more");

        var file = Accept(maker.WriteTo(_folder.Path), AptDependencies.Read());

        Assert.Equal(["libc6", "libzmq5"], file.Dependencies[FileState.AptTool]);
        Assert.Equal(["libnowhere.so.7"], file.Dependencies[FileState.UnownedTool]);
    }

    [Fact]
    public void Nothing_is_left_behind_where_large_objects_were_unpacked()
    {
        var scratch = Directory.CreateDirectory(_folder["scratch"]).FullName;
        var path = new WheelMaker().With("thing/big.so", new ElfMaker { Padding = 9 << 20 }.ToBytes()).WriteTo(_folder.Path);
        Assert.IsType<WheelInspection.Accepted>(WheelFile.Inspect(path, Thing, Here, scratchFolder: scratch));
        Assert.Empty(Directory.EnumerateFileSystemEntries(scratch));
    }

    [Fact]
    public void A_wheel_with_needs_out_of_proportion_is_refused()
    {
        var maker = new WheelMaker();
        var needy = new ElfMaker { Needed = [.. Enumerable.Range(0, ElfFile.NeededMax).Select(i => $"l{i}")] }.ToBytes();
        for (var i = 0; i <= WheelFile.NeedsMax / ElfFile.NeededMax; i++) maker.With($"thing/{i}.so", needy);
        AssertRefused(maker.WriteTo(_folder.Path), "too many");
    }

    private static FileState Accept(string path, AptDependencies? apt = null)
    {
        var inspection = WheelFile.Inspect(path, Thing, Here, apt);
        Assert.Null((inspection as WheelInspection.Refused)?.Reason);
        return ((WheelInspection.Accepted)inspection).File;
    }

    private static void AssertRefused(string path, string expected)
    {
        var refused = Assert.IsType<WheelInspection.Refused>(WheelFile.Inspect(path, Thing, Here));
        Assert.Contains(expected, refused.Reason, StringComparison.Ordinal);
    }
}
