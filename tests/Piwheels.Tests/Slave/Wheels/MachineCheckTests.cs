using FsCheck.Xunit;
using Piwheels.Core.Packaging;
using Piwheels.Slave.Wheels;
using Xunit;

namespace Piwheels.Tests.Slave.Wheels;

/// <summary>Machine code against the tag of its wheel, as a slave on a Debian of 32-bit Arm with hard floats sees it.</summary>
public sealed class MachineCheckTests
{
    private const int Arm = 40;
    private const int HardFloat = 0x05000400;
    private const int SoftFloat = 0x05000200;
    private const string Suffix = ".cpython-311-arm-linux-gnueabihf.so";

    private static readonly string[] Suffixes = [Suffix, ".abi3.so", ".so"];
    private static readonly MachineCheck Check = new(Suffixes, CLibrary.Glibc, ArmFloat.Hard);

    private static readonly ElfMaker OfArm = new() { Bits = 32, Machine = Arm, Flags = HardFloat, Needed = ["libc.so.6"] };
    private static readonly ElfMaker OfIntel = new() { Bits = 64, Machine = 62, Needed = ["libc.so.6"] };

    private static ElfMaker Init(ElfMaker maker, string name) => new()
    {
        Bits = maker.Bits,
        IsLittleEndian = maker.IsLittleEndian,
        Machine = maker.Machine,
        Flags = maker.Flags,
        Needed = maker.Needed,
        Functions = [$"PyInit_{name}"],
    };

    private static MachineFindings Look(string tag, params (string Path, ElfMaker? Elf)[] files)
    {
        var objects = new List<WheelObject>();
        foreach (var (path, maker) in files)
        {
            if (maker is null) continue;
            Assert.True(ElfFile.TryRead(new MemoryStream(maker.ToBytes()), out var elf));
            objects.Add(new WheelObject(path, elf));
        }

        return Check.Look(
            WheelFileName.Parse($"thing-1.0-cp311-cp311-{tag}.whl"),
            new WheelContents(["thing/__init__.py", .. files.Select(file => file.Path)], objects, SystemNeeds.None));
    }

    [Theory]
    [InlineData("linux_armv7l")]
    [InlineData("linux_armv6l")]
    [InlineData("linux_armv6l.linux_armv7l")]
    [InlineData("manylinux2014_armv7l")]
    [InlineData("manylinux_2_17_armv7l.manylinux2014_armv7l")]
    public void What_is_for_the_platform_of_the_tag_passes(string tag) =>
        Assert.Equal(MachineFindings.None, Look(tag, ($"thing/_core{Suffix}", OfArm), ("thing.libs/libin-1a2b.so.1", OfArm)));

    [Theory]
    [InlineData($"thing/_core{Suffix}")]
    [InlineData($"_thing{Suffix}")]
    [InlineData("thing/_core.abi3.so")]
    [InlineData("thing.libs/libin-1a2b.so.1")]
    public void A_module_for_another_machine_is_a_problem(string path)
    {
        Assert.Equal(
            $"is tagged 'linux_armv7l', which is 32-bit Arm, and has a module for 64-bit x86-64: {path}",
            Look("linux_armv7l", (path, OfIntel)).Problem);
        Assert.Equal($"is tagged 'any' and has a module for 32-bit Arm: {path}", Look("any", (path, OfArm)).Problem);
    }

    [Fact]
    public void A_plain_shared_object_is_a_module_when_it_begins_one_in_a_package()
    {
        Assert.NotNull(Look("linux_armv7l", ("thing/_core.so", Init(OfIntel, "_core"))).Problem);
        Assert.NotNull(Look("linux_armv7l", ("_thing.so", Init(OfIntel, "_thing"))).Problem);
        Assert.Null(Look("linux_armv7l", ("thing/_core.so", OfIntel)).Problem);
        Assert.Null(Look("linux_armv7l", ("thing/_core.so", Init(OfIntel, "_other"))).Problem);
        Assert.Null(Look("linux_armv7l", ("thing/x86/_core.so", Init(OfIntel, "_core"))).Problem);
    }

    [Theory]
    [InlineData("thing/firmware/board.so")]
    [InlineData("thing/tests/data/sample.elf")]
    [InlineData("thing/_core.cpython-311-x86_64-linux-gnu.so")]
    [InlineData("thing-1.0.data/scripts/tool")]
    [InlineData("libs/libin.so.1")]
    public void What_Python_would_not_import_may_be_for_any_machine_and_is_remarked(string path)
    {
        var findings = Look("linux_armv7l", ($"thing/_core{Suffix}", OfArm), (path, OfIntel));
        Assert.Null(findings.Problem);
        Assert.Equal(
            $"is tagged 'linux_armv7l', and has programs or libraries for other machines that Python does not import (1), such as {path} for 64-bit x86-64",
            findings.Remark);
        Assert.Equal(
            $"is tagged 'any', and has programs or libraries that Python does not import (1), such as {path} for 64-bit x86-64",
            Look("any", (path, OfIntel)).Remark);
    }

    [Fact]
    public void A_module_that_is_no_shared_object_is_a_problem()
    {
        Assert.Equal($"has a module that is no shared object: thing/_core{Suffix}", Look("linux_armv7l", ($"thing/_core{Suffix}", null)).Problem);
        Assert.Null(Look("linux_armv7l", ("thing/_core.so", null)).Problem);
    }

    [Fact]
    public void Of_two_files_for_a_module_the_one_counts_that_is_imported()
    {
        Assert.Null(Look("linux_armv7l", ("thing/_core.abi3.so", OfIntel), ($"thing/_core{Suffix}", OfArm)).Problem);
        Assert.NotNull(Look("linux_armv7l", ("thing/_core.abi3.so", OfArm), ($"thing/_core{Suffix}", OfIntel)).Problem);
    }

    [Fact]
    public void Floats_are_passed_as_the_interpreter_does()
    {
        var soft = new ElfMaker { Bits = 32, Machine = Arm, Flags = SoftFloat };
        Assert.Equal(
            $"is tagged 'linux_armv7l', which is Arm's hard-float ABI here, and has a module for the soft-float one: thing/_core{Suffix}",
            Look("linux_armv7l", ($"thing/_core{Suffix}", soft)).Problem);
        Assert.Null(Look("linux_armv7l", ($"thing/_core{Suffix}", new ElfMaker { Bits = 32, Machine = Arm, Flags = 0x05000000 })).Problem);
        Assert.Null(Look("linux_armv7l", ($"thing/_core{Suffix}", new ElfMaker { Bits = 32, Machine = Arm, Flags = 0x200 })).Problem);

        var armel = new MachineCheck(Suffixes, CLibrary.Glibc, ArmFloat.Soft);
        Assert.True(ElfFile.TryRead(new MemoryStream(soft.ToBytes()), out var elf));
        var contents = new WheelContents([$"_thing{Suffix}"], [new WheelObject($"_thing{Suffix}", elf)], SystemNeeds.None);
        Assert.Null(armel.Look(WheelFileName.Parse("thing-1.0-cp311-cp311-linux_armv7l.whl"), contents).Problem);
        Assert.NotNull(armel.Look(WheelFileName.Parse("thing-1.0-cp311-cp311-manylinux2014_armv7l.whl"), contents).Problem);
    }

    [Theory]
    [InlineData("linux_armv7l", "libc.musl-armhf.so.1", false)]
    [InlineData("manylinux2014_armv7l", "libc.musl-armhf.so.1", false)]
    [InlineData("musllinux_1_2_armv7l", "libc.musl-armhf.so.1", true)]
    [InlineData("musllinux_1_2_armv7l", "libc.so", true)]
    [InlineData("musllinux_1_2_armv7l", "libc.so.6", false)]
    [InlineData("linux_armv7l", "libother.so.1", true)]
    public void The_C_library_is_that_of_the_tag_or_else_the_interpreters(string tag, string needed, bool passes)
    {
        var problem = Look(tag, ($"thing/_core{Suffix}", new ElfMaker { Bits = 32, Machine = Arm, Flags = HardFloat, Needed = [needed] })).Problem;
        Assert.Equal(passes, problem is null);
    }

    [Theory]
    [InlineData("win_amd64")]
    [InlineData("macosx_11_0_arm64")]
    [InlineData("linux_vax")]
    [InlineData("linux_armv7l.linux_vax")]
    public void Of_platforms_that_are_not_known_nothing_is_said(string tag) =>
        Assert.Equal(MachineFindings.None, Look(tag, ($"thing/_core{Suffix}", OfIntel), ("thing/data.elf", OfArm)));

    [Theory]
    [InlineData("linux_x86_64", 64, true, 62)]
    [InlineData("manylinux1_i686", 32, true, 3)]
    [InlineData("musllinux_1_1_aarch64", 64, true, 183)]
    [InlineData("linux_riscv64", 64, true, 243)]
    [InlineData("manylinux_2_17_ppc64le", 64, true, 21)]
    [InlineData("linux_ppc64", 64, false, 21)]
    [InlineData("linux_s390x", 64, false, 22)]
    public void Tags_name_machines(string tag, int bits, bool isLittle, int machine)
    {
        Assert.True(PlatformMachine.TryParse(tag, out var platform));
        Assert.Equal(new ElfKind(bits, isLittle, machine), platform.Kind);
    }

    [Fact]
    public void What_to_import_is_what_is_at_the_top_and_what_begins_a_module()
    {
        var files = new[]
        {
            "thing/__init__.py", "thing/sub/__init__.py", $"thing/sub/_a{Suffix}", $"thing/_library{Suffix}", "single.py", $"_thing{Suffix}",
            $"1a2b__mypyc{Suffix}",
            "tests/__init__.py", "setup.py", "not-a-name/x.py", "thing/no-module.so", "thing-1.0.dist-info/METADATA", "thing.libs/lib.so.1",
            "thing-1.0.data/scripts/run.py", $"thing/class{Suffix}/evil{Suffix}", $"thing/{new string('x', 101)}{Suffix}", "..\n/x.py",
        };
        (string Path, string Init)[] modulesHere =
        [
            ($"thing/sub/_a{Suffix}", "_a"), ($"_thing{Suffix}", "_thing"), ($"thing/_library{Suffix}", "other"),
            ($"1a2b__mypyc{Suffix}", "1a2b__mypyc"),
        ];
        var elves = modulesHere.Select(each =>
        {
            Assert.True(ElfFile.TryRead(new MemoryStream(Init(OfArm, each.Init).ToBytes()), out var elf));
            return new WheelObject(each.Path, elf);
        });
        var modules = WheelModules.Of(new WheelContents(files, [.. elves], SystemNeeds.None), Suffixes);
        Assert.Equal(["thing", "single", "_thing", "1a2b__mypyc", "thing.sub._a"], modules.ToImport);
        Assert.Equal(["thing.sub._a", "thing._library", "_thing", "1a2b__mypyc"], modules.Extensions.Select(module => module.Name));
    }

    [Fact]
    public void A_wheel_of_nothing_but_a_library_has_that_imported()
    {
        Assert.True(ElfFile.TryRead(new MemoryStream(OfArm.ToBytes()), out var elf));
        var contents = new WheelContents([$"thing{Suffix}"], [new WheelObject($"thing{Suffix}", elf)], SystemNeeds.None);
        Assert.Equal(["thing"], WheelModules.Of(contents, Suffixes).ToImport);
    }

    [Property(MaxTest = 1_000)]
    public bool Whatever_files_a_wheel_has_they_get_an_answer(string[] paths, int[] places, bool isAny)
    {
        string[] parts = ["thing", "/", ".so", Suffix, ".abi3.so", ".libs/", "__init__.py", ".py", "..", "\0", ".data/platlib/"];
        paths = [.. paths.OfType<string>(), string.Concat(places.Select(place => parts[(place & int.MaxValue) % parts.Length]))];
        Assert.True(ElfFile.TryRead(new MemoryStream(Init(OfIntel, "thing").ToBytes()), out var elf));
        var contents = new WheelContents(paths, [.. paths.Select(path => new WheelObject(path, elf))], SystemNeeds.None);
        _ = Check.Look(WheelFileName.Parse($"thing-1.0-py3-none-{(isAny ? "any" : "linux_armv7l")}.whl"), contents);
        return WheelModules.Of(contents, Suffixes).ToImport.All(name => !name.Any(char.IsControl));
    }

    [Fact]
    public void Names_of_first_functions_are_found_wherever_a_linker_keeps_them()
    {
        var maker = new ElfMaker
        {
            Functions = ["PyInit_one", "my_PyInit_two", .. Enumerable.Range(0, 20_000).Select(i => $"function_{i}"), "PyInit_last", "PyInit_"],
        };
        Assert.True(ElfFile.TryRead(new MemoryStream(maker.ToBytes()), out var elf));
        Assert.Equal(["last", "one", "two"], elf.InitNames.Order());

        // Names are read in parts of 64 KiB, from an empty one on: this begins three bytes before the end of the first
        var across = new ElfMaker { Functions = [new string('f', 65_531), "PyInit_across"] };
        Assert.True(ElfFile.TryRead(new MemoryStream(across.ToBytes()), out elf));
        Assert.Equal(["across"], elf.InitNames);

        var many = new ElfMaker { Functions = [.. Enumerable.Range(0, 200_000).Select(i => $"PyInit_{i}")] };
        Assert.True(ElfFile.TryRead(new MemoryStream(many.ToBytes()), out elf));
        Assert.InRange(elf.InitNames.Count, ElfFile.InitNamesMax, ElfFile.InitNamesMax + 65_536);
    }
}
