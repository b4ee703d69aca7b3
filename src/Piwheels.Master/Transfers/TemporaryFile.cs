namespace Piwheels.Master.Transfers;

/// <summary>
/// The bytes of a transfer before they are trusted: a file in the transfer folder under a name that only the master
/// knows. Disposing removes it, unless it has been moved to its place.
/// </summary>
internal sealed class TemporaryFile : IDisposable
{
    private readonly FileStream _stream;

    /// <exception cref="IOException">It cannot be created.</exception>
    public TemporaryFile(string path)
    {
        Path = path;
        _stream = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Share = FileShare.Read | FileShare.Delete,
            BufferSize = 0,
            // Nobody else is to see, or serve, what has not been checked
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
    }

    public string Path { get; }

    public long Length => RandomAccess.GetLength(_stream.SafeFileHandle);

    /// <exception cref="IOException">It cannot be written; above all, the disk is full.</exception>
    public void Write(long offset, ReadOnlySpan<byte> bytes) =>
        RandomAccess.Write(_stream.SafeFileHandle, bytes, offset);

    /// <summary>Fills the buffer with what was written from an offset on.</summary>
    /// <exception cref="IOException">It cannot be read, or there is less.</exception>
    public void Read(long offset, Span<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            var read = RandomAccess.Read(_stream.SafeFileHandle, bytes, offset);
            if (read == 0) throw new EndOfStreamException($"{Path} ends at {offset}");
            bytes = bytes[read..];
            offset += read;
        }
    }

    /// <summary>Reads from the beginning; independent of writes.</summary>
    public FileStream OpenRead() => new(Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);

    /// <summary>Has the bytes on the disk itself, not only on their way to it.</summary>
    public void Flush() => RandomAccess.FlushToDisk(_stream.SafeFileHandle);

    public void Dispose()
    {
        _stream.Dispose();
        try
        {
            // Not there any more when it was moved
            File.Delete(Path);
        }
        catch (IOException)
        {
            // The next start of the master removes what is left in the folder
        }
        catch (UnauthorizedAccessException)
        {
            // As above
        }
    }
}
