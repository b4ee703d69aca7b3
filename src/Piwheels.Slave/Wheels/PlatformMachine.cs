using System.Diagnostics.CodeAnalysis;

namespace Piwheels.Slave.Wheels;

/// <summary>The C libraries that machine code for Linux is made for; what needs the one does not run with the other.</summary>
public enum CLibrary
{
    Glibc,
    Musl,
}

/// <summary>
/// How functions of Arm programs are handed floating-point numbers; code of both kinds cannot be loaded together.
/// </summary>
public enum ArmFloat
{
    Soft,
    Hard,
}

/// <summary>The machines that platform tags speak of (PEP 425, 600 and 656).</summary>
/// <param name="Kind">What ELF files are like there.</param>
/// <param name="Library">Null where the tag does not say: linux_armv7l.</param>
/// <param name="Float">Null for other machines, and where the tag does not say.</param>
internal sealed record PlatformMachine(ElfKind Kind, CLibrary? Library, ArmFloat? Float)
{
    public const string Any = "any";

    private const int MachineArm = 40;

    // The ABI's version in the upper 8 bits; only files of version 5 have the others, and not all of them
    private const uint ArmAbiMask = 0xff000000;
    private const uint ArmAbi5 = 0x05000000;
    private const uint ArmHard = 0x400;
    private const uint ArmSoft = 0x200;

    private static readonly (string Name, ElfKind Kind)[] Machines =
    [
        ("aarch64", new ElfKind(64, true, 183)),
        ("armv5tel", new ElfKind(32, true, MachineArm)),
        ("armv6l", new ElfKind(32, true, MachineArm)),
        ("armv7l", new ElfKind(32, true, MachineArm)),
        ("armv8l", new ElfKind(32, true, MachineArm)),
        ("i386", new ElfKind(32, true, 3)),
        ("i486", new ElfKind(32, true, 3)),
        ("i586", new ElfKind(32, true, 3)),
        ("i686", new ElfKind(32, true, 3)),
        ("loongarch64", new ElfKind(64, true, 258)),
        ("ppc64", new ElfKind(64, false, 21)),
        ("ppc64le", new ElfKind(64, true, 21)),
        ("riscv64", new ElfKind(64, true, 243)),
        ("s390x", new ElfKind(64, false, 22)),
        ("x86_64", new ElfKind(64, true, 62)),
    ];

    /// <summary>Reads a single platform tag. False for those of other systems, and of machines that are not known.</summary>
    public static bool TryParse(string tag, [NotNullWhen(true)] out PlatformMachine? machine)
    {
        machine = null;
        CLibrary? library = null;
        if (tag.StartsWith("manylinux", StringComparison.Ordinal)) library = CLibrary.Glibc;
        else if (tag.StartsWith("musllinux_", StringComparison.Ordinal)) library = CLibrary.Musl;
        else if (!tag.StartsWith("linux_", StringComparison.Ordinal)) return false;
        foreach (var (name, kind) in Machines)
        {
            if (!tag.EndsWith("_" + name, StringComparison.Ordinal)) continue;
            var isHard = kind.Machine == MachineArm && library is not null;
            machine = new PlatformMachine(kind, library, isHard ? ArmFloat.Hard : null);
            return true;
        }

        return false;
    }

    /// <summary>How a file passes floating-point numbers; null where it does not tell, or is not for Arm.</summary>
    public static ArmFloat? FloatOf(ElfFile file) =>
        file.Kind.Machine != MachineArm || (file.Flags & ArmAbiMask) != ArmAbi5 ? null
        : (file.Flags & ArmHard) != 0 ? ArmFloat.Hard
        : (file.Flags & ArmSoft) != 0 ? ArmFloat.Soft
        : null;

    /// <summary>The C library that a file needs; null where it needs none by itself.</summary>
    public static CLibrary? LibraryOf(ElfFile file)
    {
        foreach (var name in file.Needed)
        {
            if (name == "libc.so.6" || name.StartsWith("ld-linux", StringComparison.Ordinal)) return CLibrary.Glibc;
            if (name == "libc.so" || name.StartsWith("libc.musl-", StringComparison.Ordinal)) return CLibrary.Musl;
        }

        return null;
    }
}
