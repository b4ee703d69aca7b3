using System.Runtime.InteropServices;

namespace Piwheels.Slave.Limits;

/// <summary>
/// The C library's calls that walk a folder by handles, so that no path gets too long and no link is followed. The
/// structures are those that are the same on every processor.
/// </summary>
internal static partial class FolderCalls
{
    /// <summary>The folder that a path is relative to: the current one (AT_FDCWD).</summary>
    public const int Here = -100;

    public const int NotAllowed = 13; // EACCES
    public const int TypeFolder = 0x4000; // S_IFDIR
    public const int TypeMask = 0xF000; // S_IFMT

    private const int CloseOnExec = 0x80000; // O_CLOEXEC
    private const int OnlyPath = 0x200000; // O_PATH
    private const int NoFollow = 0x100; // AT_SYMLINK_NOFOLLOW
    private const int DoNotSync = 0x4000; // AT_STATX_DONT_SYNC
    private const uint Wanted = 0x1 | 0x100 | 0x200 | 0x400; // STATX_TYPE, INO, SIZE, BLOCKS

    // O_DIRECTORY and O_NOFOLLOW are among the few that differ (fcntl.h of arm against asm-generic)
    private static readonly bool IsArm = RuntimeInformation.ProcessArchitecture is Architecture.Arm or Architecture.Arm64;
    private static readonly int FolderOnly = IsArm ? 0x4000 : 0x10000;
    private static readonly int NoLinks = IsArm ? 0x8000 : 0x20000;

    /// <summary>struct statx of linux/stat.h, as far as it matters here.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    public struct Status
    {
        [FieldOffset(28)]
        public ushort Mode;

        [FieldOffset(32)]
        public ulong Inode;

        [FieldOffset(40)]
        public ulong Size;

        /// <summary>In units of 512 bytes.</summary>
        [FieldOffset(48)]
        public ulong Blocks;

        [FieldOffset(136)]
        public uint DeviceMajor;

        [FieldOffset(140)]
        public uint DeviceMinor;
    }

    /// <summary>Opens a folder, not a link to one; below 0 when it cannot.</summary>
    public static int OpenFolder(string path) => Open(Here, path, CloseOnExec | FolderOnly | NoLinks);

    /// <summary>As the other, by a name as the system has it: need not be UTF-8.</summary>
    public static int OpenFolder(int at, nint name) => Open(at, name, CloseOnExec | FolderOnly | NoLinks);

    /// <summary>Opens a folder only to name things below it; below 0 when it cannot.</summary>
    public static int OpenPath(string path) => Open(Here, path, CloseOnExec | FolderOnly | OnlyPath);

    /// <summary>The file itself, not what it links to.</summary>
    public static bool TryGetStatus(int at, nint name, out Status status) =>
        StatX(at, name, NoFollow | DoNotSync, Wanted, out status) == 0;

    /// <summary>What a path leads to.</summary>
    public static bool TryGetTarget(string path, out Status status) =>
        StatX(Here, path, DoNotSync, Wanted, out status) == 0;

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(int at, string name, int flags);

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true)]
    private static partial int Open(int at, nint name, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    public static partial int Close(int file);

    [LibraryImport("libc", EntryPoint = "fchmodat", SetLastError = true)]
    public static partial int ChangeMode(int at, nint name, uint mode, int flags);

    [LibraryImport("libc", EntryPoint = "fdopendir", SetLastError = true)]
    public static partial nint ReadFrom(int folder);

    [LibraryImport("libc", EntryPoint = "closedir")]
    public static partial int EndReading(nint reading);

    /// <summary>The next struct dirent64; 0 at the end.</summary>
    [LibraryImport("libc", EntryPoint = "readdir64", SetLastError = true)]
    public static partial nint ReadNext(nint reading);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatX(int at, string name, int flags, uint mask, out Status status);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true)]
    private static partial int StatX(int at, nint name, int flags, uint mask, out Status status);
}
