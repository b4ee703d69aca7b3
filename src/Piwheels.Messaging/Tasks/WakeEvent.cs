using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Piwheels.Messaging.Tasks;

/// <summary>An eventfd: what wakes a thread that blocks in a poll (eventfd(2)).</summary>
internal sealed partial class WakeEvent : IDisposable
{
    private const int CloseOnExec = 0x80000;
    private const int NonBlocking = 0x800;

    private readonly SafeFileHandle _handle;

    public WakeEvent()
    {
        var fd = EventFd(0, CloseOnExec | NonBlocking);
        if (fd < 0)
            throw new IOException($"eventfd: {Marshal.GetLastPInvokeErrorMessage()}");
        _handle = new SafeFileHandle(fd, ownsHandle: true);
    }

    /// <summary>The descriptor to poll, as long as this is not disposed.</summary>
    public int Descriptor => (int)_handle.DangerousGetHandle();

    public void Set()
    {
        // Refused only when the counter is full, and then it is set
        var one = 1UL;
        _ = Write(_handle, in one, sizeof(ulong));
    }

    public void Clear()
    {
        // Refused only when it is not set
        _ = Read(_handle, out _, sizeof(ulong));
    }

    public void Dispose() => _handle.Dispose();

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    private static partial int EventFd(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(SafeFileHandle fd, in ulong value, nuint size);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(SafeFileHandle fd, out ulong value, nuint size);
}
