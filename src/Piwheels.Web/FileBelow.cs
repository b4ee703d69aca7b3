using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Piwheels.Web;

/// <summary>What is known of an open file.</summary>
internal readonly record struct FileFacts(long Length, DateTimeOffset Modified, ulong Inode);

/// <summary>
/// Opens files so that the kernel itself keeps the path below a folder, without any symbolic link in it (openat2(2) of Linux
/// 5.6): there is no moment between looking and opening. A kernel or sandbox without the call has the links looked for
/// before, by whoever asks, and only the last name held to be none.
/// </summary>
internal static partial class FileBelow
{
    private const int ReadOnly = 0;
    private const int NonBlocking = 0x800; // a pipe in the folder keeps nobody waiting
    private const int CloseOnExec = 0x80000;
    private const int PathOnly = 0x200000;
    private const int CurrentFolder = -100;
    private const ulong ResolveNoMagicLinks = 2;
    private const ulong ResolveNoLinks = 4;
    private const ulong ResolveBelow = 8;
    private const int OpenAt2Number = 437; // the same on all machines

    private const int NotPermitted = 1;
    private const int NoSuchFile = 2;
    private const int TryAgain = 11;
    private const int NotAccessible = 13;
    private const int NotFolder = 20;
    private const int NameTooLong = 36;
    private const int NoSuchCall = 38;
    private const int TooManyLinks = 40;

    private const int EmptyPath = 0x1000;
    private const uint BasicFacts = 0x7ff;
    private const ushort TypeMask = 0xf000;
    private const ushort RegularFile = 0x8000;

    // O_DIRECTORY and O_NOFOLLOW are among the few flags that differ from machine to machine
    private static readonly bool IsArm = RuntimeInformation.ProcessArchitecture is Architecture.Arm or Architecture.Arm64;
    private static readonly int Folder = IsArm ? 0x4000 : 0x10000;
    private static readonly int NoFollow = IsArm ? 0x8000 : 0x20000;

    private static volatile bool _withoutOpenAt2;

    /// <summary>Opens a regular file for reading.</summary>
    /// <param name="root">The folder.</param>
    /// <param name="segments">The names that lead to it.</param>
    /// <param name="facts">What is known of it.</param>
    /// <param name="linked">Whether there is none because a name on the way may be a symbolic link.</param>
    /// <returns>Null when there is no such file, or it may not be read.</returns>
    /// <exception cref="IOException">The system cannot say: it is short of something.</exception>
    internal static SafeFileHandle? Open(
        string root, IReadOnlyList<string> segments, out FileFacts facts, out bool linked)
    {
        facts = default;
        linked = false;
        var opened = _withoutOpenAt2 ? OpenPlain(root, segments) : OpenBelow(root, segments);
        if (opened < 0)
        {
            linked = opened is -TooManyLinks or -TryAgain;
            return opened is -NoSuchFile or -NotFolder or -NotAccessible or -NameTooLong or -TooManyLinks or -TryAgain
                ? null
                : throw new IOException($"a file cannot be opened: {Marshal.GetPInvokeErrorMessage(-opened)}");
        }

        var handle = new SafeFileHandle(opened, ownsHandle: true);
        if (StatX(opened, "", EmptyPath, BasicFacts, out var known) == 0 && (known.Mode & TypeMask) == RegularFile)
        {
            var modified = DateTimeOffset.UnixEpoch
                .AddSeconds(known.ModifiedSeconds).AddTicks(known.ModifiedNanoseconds / 100);
            facts = new FileFacts((long)known.Size, modified, known.Inode);
            return handle;
        }

        handle.Dispose();
        return null;
    }

    private static int OpenBelow(string root, IReadOnlyList<string> segments)
    {
        var folder = OpenAt(CurrentFolder, root, PathOnly | Folder | CloseOnExec);
        if (folder < 0) return -Marshal.GetLastPInvokeError();
        using var closing = new SafeFileHandle(folder, ownsHandle: true);
        var how = new OpenHow
        {
            Flags = ReadOnly | NonBlocking | CloseOnExec,
            Resolve = ResolveBelow | ResolveNoLinks | ResolveNoMagicLinks,
        };
        var opened = OpenAt2(OpenAt2Number, folder, string.Join('/', segments), how, Marshal.SizeOf<OpenHow>());
        if (opened >= 0) return (int)opened;
        var error = Marshal.GetLastPInvokeError();
        if (error is not (NoSuchCall or NotPermitted)) return -error;
        _withoutOpenAt2 = true;
        return OpenPlain(root, segments);
    }

    private static int OpenPlain(string root, IReadOnlyList<string> segments)
    {
        var path = root;
        foreach (var segment in segments)
        {
            path = Path.Combine(path, segment);
            if (new FileInfo(path).LinkTarget is not null) return -TooManyLinks;
        }

        var opened = OpenAt(CurrentFolder, path, ReadOnly | NonBlocking | CloseOnExec | NoFollow);
        return opened >= 0 ? opened : -Marshal.GetLastPInvokeError();
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct OpenHow
    {
        public ulong Flags;
        public ulong Mode;
        public ulong Resolve;
    }

    /// <summary>struct statx of statx(2), which is laid out alike on all machines.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct StatXFacts
    {
        [FieldOffset(28)]
        public ushort Mode;
        [FieldOffset(32)]
        public ulong Inode;
        [FieldOffset(40)]
        public ulong Size;
        [FieldOffset(112)]
        public long ModifiedSeconds;
        [FieldOffset(120)]
        public uint ModifiedNanoseconds;
    }

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenAt(int folder, string path, int flags);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint OpenAt2(nint number, nint folder, string path, in OpenHow how, nint size);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatX(int file, string path, int flags, uint mask, out StatXFacts facts);
}
