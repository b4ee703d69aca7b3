using System.Buffers;

namespace Piwheels.Master.Publishing;

/// <summary>
/// Writes files that are never half seen: a temporary file in the same folder, renamed when it is whole. A file that
/// has the content already is left alone. Mode 0644, whatever the umask says.
/// </summary>
/// <param name="flush">Whether the content must have reached the disk before the rename.</param>
public sealed class WholeFile(bool flush)
{
    private const UnixFileMode Mode =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private const int BufferBytes = 64 * 1024;

    /// <summary>Writes the file; false when it has this content already. The folder must exist.</summary>
    public bool Write(string path, ReadOnlySpan<byte> content)
    {
        if (HasContent(path, content)) return false;
        using var file = new Temporary(path, flush);
        file.Stream.Write(content);
        file.Commit();
        return true;
    }

    /// <summary>As the other, for what is too large to be held in memory.</summary>
    public bool Write(string path, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        using var file = new Temporary(path, flush);
        var buffered = new BufferedStream(file.Stream, BufferBytes);
        write(buffered);
        buffered.Flush();
        if (file.HasContentOf(path)) return false;
        file.Commit();
        return true;
    }

    private static bool IsFileOfLength(string path, long length) =>
        new FileInfo(path) is { Exists: true, LinkTarget: null } info && info.Length == length;

    private static bool HasContent(string path, ReadOnlySpan<byte> content)
    {
        if (!IsFileOfLength(path, content.Length)) return false;
        using var handle = File.OpenHandle(path);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            var at = 0;
            while (at < content.Length)
            {
                var read = RandomAccess.Read(handle, buffer, at);
                if (read == 0 || read > content.Length - at) return false;
                if (!buffer.AsSpan(0, read).SequenceEqual(content.Slice(at, read))) return false;
                at += read;
            }

            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>A file on its way; gone when disposed before it was committed.</summary>
    private sealed class Temporary : IDisposable
    {
        private readonly string _path;
        private readonly string _target;
        private readonly bool _flush;
        private readonly FileStream _stream;
        private bool _committed;

        internal Temporary(string target, bool flush)
        {
            _target = target;
            _flush = flush;
            var name = $"{SiteFolder.TemporaryPrefix}{Guid.NewGuid():N}{SiteFolder.TemporarySuffix}";
            _path = Path.Combine(Path.GetDirectoryName(target)!, name);
            _stream = new FileStream(_path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0);
        }

        internal Stream Stream => _stream;

        internal bool HasContentOf(string path)
        {
            if (!IsFileOfLength(path, _stream.Length)) return false;
            using var other = File.OpenRead(path);
            var (left, right) = (new byte[BufferBytes], new byte[BufferBytes]);
            _stream.Position = 0;
            while (true)
            {
                var read = _stream.ReadAtLeast(left, left.Length, throwOnEndOfStream: false);
                if (other.ReadAtLeast(right, right.Length, throwOnEndOfStream: false) != read) return false;
                if (!left.AsSpan(0, read).SequenceEqual(right.AsSpan(0, read))) return false;
                if (read == 0) return true;
            }
        }

        internal void Commit()
        {
            if (_flush) _stream.Flush(flushToDisk: true);
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(_stream.SafeFileHandle, Mode);
            _stream.Dispose();
            File.Move(_path, _target, overwrite: true);
            _committed = true;
        }

        public void Dispose()
        {
            _stream.Dispose();
            if (!_committed) File.Delete(_path);
        }
    }
}
