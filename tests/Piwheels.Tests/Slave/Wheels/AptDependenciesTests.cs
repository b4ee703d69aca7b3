using System.Buffers.Binary;
using System.Text;
using Piwheels.Slave.Wheels;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Slave.Wheels;

/// <summary>A small Debian in a folder: libraries, links, the loader's cache and dpkg's lists.</summary>
public sealed class AptDependenciesTests : IDisposable
{
    private const string Multiarch = "usr/lib/arm-linux-gnueabihf";

    private readonly TemporaryFolder _root = new();

    public AptDependenciesTests()
    {
        Place("usr/bin/sh", new ElfMaker { Bits = 32, Machine = 40 });
        Link("bin", "usr/bin");
        Link("lib", "usr/lib");
        Place($"{Multiarch}/libc.so.6", Arm());
        Own("libc6:armhf", "/lib/arm-linux-gnueabihf/libc.so.6", "/.");
        Place($"{Multiarch}/libfoo.so.1.2", Arm());
        Link($"{Multiarch}/libfoo.so.1", "libfoo.so.1.2");
        Own("libfoo1", $"/{Multiarch}/libfoo.so.1", $"/{Multiarch}/libfoo.so.1.2");
    }

    public void Dispose() => _root.Dispose();

    [Fact]
    public void Libraries_lead_to_the_packages_that_own_them()
    {
        var needs = Needs(new ElfMaker { Bits = 32, Machine = 40, Needed = ["libfoo.so.1", "libc.so.6"] });
        Assert.Equal(["libc6", "libfoo1"], needs.Packages);
        Assert.Empty(needs.Unowned);
    }

    [Fact]
    public void What_no_package_owns_is_told_by_its_name()
    {
        Place("usr/lib/libown.so.1", Arm());
        var needs = Needs(new ElfMaker { Bits = 32, Machine = 40, Needed = ["libown.so.1", "libnowhere.so.3", "libc.so.6"] });
        Assert.Equal(["libc6"], needs.Packages);
        Assert.Equal(["libnowhere.so.3", "libown.so.1"], needs.Unowned);
    }

    [Fact]
    public void Alternatives_are_followed_to_what_is_owned()
    {
        Place($"{Multiarch}/openblas-pthread/libblas.so.3", Arm());
        Link($"{Multiarch}/libblas.so.3", "/etc/alternatives/libblas.so.3-arm-linux-gnueabihf");
        Link("etc/alternatives/libblas.so.3-arm-linux-gnueabihf", $"/{Multiarch}/openblas-pthread/libblas.so.3");
        Own("libopenblas0-pthread", $"/{Multiarch}/openblas-pthread/libblas.so.3");

        Assert.Equal(["libopenblas0-pthread"], Needs(Arm("libblas.so.3")).Packages);
    }

    [Fact]
    public void Only_libraries_of_the_same_kind_of_machine_count()
    {
        Place("usr/lib/aarch64-linux-gnu/libbar.so.1", new ElfMaker { Bits = 64, Machine = 183 });
        Place($"{Multiarch}/libbar.so.1", Arm());
        Own("libbar1-arm64", "/usr/lib/aarch64-linux-gnu/libbar.so.1");
        Own("libbar1", $"/{Multiarch}/libbar.so.1");
        WriteCache(("libbar.so.1", "/lib/aarch64-linux-gnu/libbar.so.1"), ("libbar.so.1", "/lib/arm-linux-gnueabihf/libbar.so.1"));

        Assert.Equal(["libbar1"], Needs(Arm("libbar.so.1")).Packages);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_cache_of_the_loader_knows_folders_of_its_own(bool withOldFormat)
    {
        Place("opt/vc/lib/libbcm_host.so", Arm());
        Own("libraspberrypi0", "/opt/vc/lib/libbcm_host.so");
        Assert.Equal(["libbcm_host.so"], Needs(Arm("libbcm_host.so")).Unowned);

        WriteCache(withOldFormat, ("libbcm_host.so", "/opt/vc/lib/libbcm_host.so"));
        Assert.Equal(["libraspberrypi0"], Needs(Arm("libbcm_host.so")).Packages);
    }

    [Theory]
    [InlineData("thing/core.so", "$ORIGIN/../thing.libs", "thing.libs/libown-1.so")]
    [InlineData("thing/core.so", "/nowhere:${ORIGIN}", "thing/libown-1.so")]
    [InlineData("core.so", "$ORIGIN/.", "libown-1.so")]
    [InlineData("thing/core.so", "/build/lib", "elsewhere/libown-1.so")]
    public void Libraries_of_the_wheel_itself_are_no_dependency(string path, string search, string library)
    {
        var needs = AptDependencies.Read(_root.Path).Of(
        [
            Part(path, new ElfMaker { Bits = 32, Machine = 40, Needed = ["libown-1.so"], Runpath = search }),
            Part(library, Arm("libfoo.so.1")),
        ]);

        Assert.Equal(["libfoo1"], needs.Packages);
        Assert.Empty(needs.Unowned);
    }

    [Fact]
    public void A_library_on_the_search_path_hides_the_one_of_the_system()
    {
        var needs = AptDependencies.Read(_root.Path).Of(
        [
            Part("a/b.so", new ElfMaker { Bits = 32, Machine = 40, Needed = ["libfoo.so.1"], Rpath = "$ORIGIN" }),
            Part("a/libfoo.so.1", Arm()),
        ]);
        Assert.Empty(needs.Packages);
    }

    [Fact]
    public void A_folder_of_the_system_on_the_search_path_is_looked_into()
    {
        Place("usr/lib/mpi/libmpi.so.1", Arm());
        Own("libmpi1", "/usr/lib/mpi/libmpi.so.1");
        var maker = new ElfMaker { Bits = 32, Machine = 40, Needed = ["libmpi.so.1"], Runpath = "/usr/lib/mpi" };
        Assert.Equal(["libmpi1"], Needs(maker).Packages);
    }

    [Theory]
    [InlineData("../../../../etc", "libc.so.6")]
    [InlineData("$ORIGIN/../../../../../x", "libc.so.6")]
    [InlineData("/dev", "../proc/self/mem")]
    [InlineData("/dev", "zero")]
    [InlineData("/\ud83d\udca9", "/dev/zero")]
    public void Strange_paths_do_no_harm(string search, string library)
    {
        var needs = Needs(new ElfMaker { Bits = 32, Machine = 40, Needed = [library], Runpath = search });
        Assert.Equal(1, needs.Packages.Count + needs.Unowned.Count);
    }

    [Fact]
    public void Links_in_a_circle_end()
    {
        Link($"{Multiarch}/libround.so.1", "libround.so.2");
        Link($"{Multiarch}/libround.so.2", "libround.so.1");
        Link("usr/lib/circle", "circle");
        WriteCache(("libround.so.1", "/usr/lib/circle/libround.so.1"));
        Assert.Equal(["libround.so.1"], Needs(Arm("libround.so.1")).Unowned);
    }

    [Fact]
    public void Objects_of_other_machines_are_passed_over()
    {
        var needs = Needs(new ElfMaker { Bits = 64, Machine = 62, Needed = ["libwhatever.so.9"] });
        Assert.Same(SystemNeeds.None, AptDependencies.Read(_root["usr"]).Of([]));
        Assert.Empty(needs.Packages);
        Assert.Empty(needs.Unowned);
    }

    [Fact]
    public void On_other_systems_than_Debian_there_are_no_answers()
    {
        Directory.Delete(_root["var/lib/dpkg"], recursive: true);
        var needs = Needs(Arm("libnowhere.so.1"));
        Assert.Empty(needs.Packages);
        Assert.Empty(needs.Unowned);
    }

    [Theory]
    [InlineData(5)]
    [InlineData(50)]
    [InlineData(80)]
    public void A_broken_cache_is_an_empty_one(int length)
    {
        WriteCache(("libfoo.so.1", "/usr/lib/libfoo.so.1"));
        var cache = File.ReadAllBytes(_root["etc/ld.so.cache"]);
        File.WriteAllBytes(_root["etc/ld.so.cache"], cache[..Math.Min(length, cache.Length)]);
        Assert.Equal(["libfoo1"], Needs(Arm("libfoo.so.1")).Packages);
        cache.AsSpan(20).Fill(0xff);
        File.WriteAllBytes(_root["etc/ld.so.cache"], cache);
        Assert.Equal(["libfoo1"], Needs(Arm("libfoo.so.1")).Packages);
    }

    [Fact]
    public void Programs_of_this_machine_lead_to_its_own_packages()
    {
        Assert.SkipUnless(Directory.Exists("/var/lib/dpkg/info") && File.Exists("/bin/ls"), "no Debian");
        using var stream = File.OpenRead("/bin/ls");
        Assert.True(ElfFile.TryRead(stream, out var ls));

        var needs = AptDependencies.Read().Of([new WheelObject("ls", ls)]);

        Assert.Contains("libc6", needs.Packages);
        Assert.Contains("libselinux1", needs.Packages);
        Assert.Empty(needs.Unowned);
    }

    [Fact]
    public void A_library_of_this_machine_leads_to_all_that_it_needs()
    {
        const string Library = "/usr/lib/x86_64-linux-gnu/libzmq.so.5";
        Assert.SkipUnless(Directory.Exists("/var/lib/dpkg/info") && File.Exists(Library), "not on this machine");
        using var stream = File.OpenRead(Library);
        Assert.True(ElfFile.TryRead(stream, out var zmq));

        var needs = AptDependencies.Read().Of([new WheelObject("libzmq.so.5", zmq)]);

        Assert.Equal(["libc6", "libgcc-s1", "libsodium23", "libstdc++6"], needs.Packages.Where(p => p is "libc6" or "libgcc-s1" or "libsodium23" or "libstdc++6"));
        Assert.Empty(needs.Unowned);
    }

    private static ElfMaker Arm(params string[] needed) => new() { Bits = 32, Machine = 40, Needed = needed };

    private static WheelObject Part(string path, ElfMaker maker)
    {
        Assert.True(ElfFile.TryRead(new MemoryStream(maker.ToBytes()), out var elf));
        return new WheelObject(path, elf);
    }

    private SystemNeeds Needs(ElfMaker maker) => AptDependencies.Read(_root.Path).Of([Part("thing/core.so", maker)]);

    private void Place(string path, ElfMaker maker)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_root[path])!);
        File.WriteAllBytes(_root[path], maker.ToBytes());
    }

    private void Link(string path, string target)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_root[path])!);
        File.CreateSymbolicLink(_root[path], target);
    }

    private void Own(string package, params string[] paths) =>
        _root.Write($"var/lib/dpkg/info/{package}.list", string.Join('\n', paths) + "\n");

    private void WriteCache(params (string Name, string Path)[] entries) => WriteCache(withOldFormat: false, entries);

    private void WriteCache(bool withOldFormat, params (string Name, string Path)[] entries)
    {
        var texts = new List<byte>();
        var cache = new byte[48 + (entries.Length * 24)];
        Encoding.ASCII.GetBytes("glibc-ld.so.cache1.1").CopyTo(cache, 0);
        BinaryPrimitives.WriteInt32LittleEndian(cache.AsSpan(20), entries.Length);
        for (var i = 0; i < entries.Length; i++)
        {
            var at = 48 + (i * 24);
            BinaryPrimitives.WriteInt32LittleEndian(cache.AsSpan(at + 4), cache.Length + texts.Count);
            texts.AddRange([.. Encoding.UTF8.GetBytes(entries[i].Name), 0]);
            BinaryPrimitives.WriteInt32LittleEndian(cache.AsSpan(at + 8), cache.Length + texts.Count);
            texts.AddRange([.. Encoding.UTF8.GetBytes(entries[i].Path), 0]);
        }

        // The old format: a header of 16 bytes, an entry of 12, and then what makes the next a multiple of 8
        var old = new byte[32];
        Encoding.ASCII.GetBytes("ld.so-1.7.0").CopyTo(old, 0);
        old[12] = 1;
        _root.Write("etc/ld.so.cache", "");
        File.WriteAllBytes(_root["etc/ld.so.cache"], [.. withOldFormat ? old : [], .. cache, .. texts]);
    }
}
