using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Piwheels.Logger.Reading;

/// <summary>Which file a name leads to: the device and the number there, which a file keeps whatever its name.</summary>
internal readonly partial record struct FileNumber(ulong Device, ulong Number)
{
    private const int CurrentFolder = -100; // AT_FDCWD
    private const int EmptyPath = 0x1000; // AT_EMPTY_PATH
    private const uint NumberWanted = 0x100; // STATX_INO
    private const int StructBytes = 256;
    private const int NumberOffset = 32;
    private const int DeviceOffset = 136;

    /// <summary>Null where there is none.</summary>
    public static FileNumber? Of(string path) => Of(CurrentFolder, path, 0);

    public static FileNumber? Of(SafeFileHandle handle) => Of((int)handle.DangerousGetHandle(), "", EmptyPath);

    // By statx(2), whose layout is fixed
    private static unsafe FileNumber? Of(int folder, string path, int flags)
    {
        var buffer = stackalloc byte[StructBytes];
        return StatX(folder, path, flags, NumberWanted, buffer) == 0
            ? new FileNumber(*(ulong*)(buffer + DeviceOffset), *(ulong*)(buffer + NumberOffset))
            : null;
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int StatX(int folder, string path, int flags, uint mask, byte* result);
}
