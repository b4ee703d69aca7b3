using System.Globalization;

namespace Piwheels.Messaging.Zmq;

/// <summary>
/// Whether the memory of this program has grown by much: libzmq can gather most of a gigabyte a second, so that what
/// it gathers is looked for earlier then.
/// </summary>
internal sealed class MemoryGrowth
{
    /// <summary>How often it should be asked.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    public const long MuchBytes = 64 * 1024 * 1024;

    private long _before = ResidentBytes();

    /// <summary>It has grown by <see cref="MuchBytes"/> since somebody looked into it.</summary>
    public bool HasGrown() => ResidentBytes() - _before > MuchBytes;

    public void Looked() => _before = ResidentBytes();

    /// <summary>The memory in use (proc(5), statm); 0 where the system does not tell.</summary>
    private static long ResidentBytes()
    {
        try
        {
            using var file = File.OpenHandle("/proc/self/statm");
            Span<byte> text = stackalloc byte[100];
            text = text[..RandomAccess.Read(file, text, 0)];
            var pages = text[(text.IndexOf((byte)' ') + 1)..];
            return long.Parse(pages[..pages.IndexOf((byte)' ')], NumberStyles.None, CultureInfo.InvariantCulture)
                * Environment.SystemPageSize;
        }
        catch (Exception unknown) when (unknown is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
