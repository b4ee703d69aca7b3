using System.Runtime.InteropServices;

namespace Piwheels.Cli.Posix;

/// <summary>The few calls of the C library that .NET has no name for.</summary>
internal static partial class NativeMethods
{
    [LibraryImport("libc", EntryPoint = "geteuid")]
    public static partial uint GetEffectiveUserId();

    [LibraryImport("libc", EntryPoint = "initgroups", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int InitGroups(string user, uint group);

    [LibraryImport("libc", EntryPoint = "setgid", SetLastError = true)]
    public static partial int SetGroupId(uint group);

    [LibraryImport("libc", EntryPoint = "setuid", SetLastError = true)]
    public static partial int SetUserId(uint user);

    [LibraryImport("libc", EntryPoint = "chown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int ChangeOwner(string path, uint user, uint group);

    /// <summary>The owner of a file; null when it cannot be told. By statx(2), whose layout is fixed.</summary>
    public static unsafe uint? OwnerOf(string path)
    {
        const int CurrentFolder = -100; // AT_FDCWD
        const uint OwnerWanted = 0x8; // STATX_UID
        const int StructBytes = 256;
        const int OwnerOffset = 20;
        var buffer = stackalloc byte[StructBytes];
        return StatX(CurrentFolder, path, 0, OwnerWanted, buffer) == 0 ? *(uint*)(buffer + OwnerOffset) : null;
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int StatX(int folder, string path, int flags, uint mask, byte* result);

    [LibraryImport("libc", EntryPoint = "execve", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Execute(string path, string?[] arguments, string?[] environment);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    public static partial int Kill(int processId, int signal);

    [LibraryImport("libc", EntryPoint = "setsid", SetLastError = true)]
    public static partial int SetSession();

    public const int Terminate = 15;
    public const int KillNow = 9;
}
