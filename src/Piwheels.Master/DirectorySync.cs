using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Piwheels.Master;

/// <summary>fsync(2) of a folder, which .NET opens no handles of.</summary>
internal static partial class DirectorySync
{
    // O_RDONLY | O_CLOEXEC, the same on every Linux
    private const int ReadOnlyCloseOnExec = 0x80000;

    /// <exception cref="IOException">It cannot be opened or flushed.</exception>
    public static void Flush(string folder)
    {
        using var handle = Open(folder, ReadOnlyCloseOnExec);
        if (handle.IsInvalid) throw new IOException($"{folder}: {Marshal.GetLastPInvokeErrorMessage()}");
        RandomAccess.FlushToDisk(handle);
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags);
}
