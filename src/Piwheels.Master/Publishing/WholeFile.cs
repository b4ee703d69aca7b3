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

    private readonly bool _flush = flush;

    /// <summary>Writes the file; false when it has this content already. The folder must exist.</summary>
    public bool Write(string path, ReadOnlySpan<byte> content)
    {
        if (HasContent(path, content)) return false;
        using var file = new Temporary(this, path);
        file.Stream.Write(content);
        file.Commit();
        return true;
    }

    /// <summary>As the other, for what is too large to be held in memory.</summary>
    public bool Write(string path, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        using var file = new Temporary(this, path);
        var buffered = new BufferedStream(file.Stream, BufferBytes);
        write(buffered);
        buffered.Flush();
        if (file.HasContentOf(path)) return false;
        file.Commit();
        return true;
    }

    /// <summary>Makes a symbolic link, in place of one or of a file that is there.</summary>
    /// <param name="path">Where it shall be.</param>
    /// <param name="target">What it says.</param>
    /// <param name="workFolder">A folder of the same file system, where it is made first.</param>
    public void WriteLink(string path, string target, string workFolder)
    {
        var temporary = NewTemporary(workFolder);
        File.CreateSymbolicLink(temporary, target);
        try
        {
            Place(temporary, path);
        }
        catch (IOException)
        {
            File.Delete(temporary);
            throw;
        }
    }

    private static string NewTemporary(string folder) =>
        Path.Combine(folder, $"{SiteFolder.TemporaryPrefix}{Guid.NewGuid():N}{SiteFolder.TemporarySuffix}");

    private void Place(string temporary, string target)
    {
        if (!Rename.TryMove(temporary, target)) throw new IOException($"{target} is not where its folder is");
        // Without that the rename may be lost with the power, and nobody would owe the page any more
        if (_flush) DirectorySync.Flush(Path.GetDirectoryName(target)!);
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
        private readonly WholeFile _files;
        private readonly FileStream _stream;
        private bool _committed;

        internal Temporary(WholeFile files, string target)
        {
            (_files, _target) = (files, target);
            _path = NewTemporary(Path.GetDirectoryName(target)!);
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
            if (_files._flush) _stream.Flush(flushToDisk: true);
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(_stream.SafeFileHandle, Mode);
            _stream.Dispose();
            _files.Place(_path, _target);
            _committed = true;
        }

        public void Dispose()
        {
            _stream.Dispose();
            if (!_committed) File.Delete(_path);
        }
    }
}
