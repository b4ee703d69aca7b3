using System.Runtime.InteropServices;

namespace Piwheels.Master;

/// <summary>
/// rename(2), for which a file is at one of its two places at any moment. <see cref="File.Move(string, string, bool)"/>
/// copies between file systems, and whoever is killed meanwhile leaves half a file.
/// </summary>
internal static partial class Rename
{
    // EXDEV of errno(3), the same on every Linux
    private const int OtherFileSystem = 18;

    /// <summary>Moves a file; what has the name already is replaced.</summary>
    /// <returns>False, and nothing is done, where the new place is on another file system.</returns>
    /// <exception cref="IOException">It cannot be moved.</exception>
    public static bool TryMove(string from, string to)
    {
        if (Move(from, to) == 0) return true;
        var error = Marshal.GetLastPInvokeError();
        if (error == OtherFileSystem) return false;
        throw new IOException($"{from} cannot be moved to {to}: {Marshal.GetPInvokeErrorMessage(error)}");
    }

    [LibraryImport("libc", EntryPoint = "rename", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Move(string from, string to);
}
