using System.IO.Compression;
using System.Security.Cryptography;

namespace Piwheels.Logger.Reading;

/// <summary>
/// What a log file begins with, by which it is known again under another name, copied or packed: lines have times, so no
/// two logs begin alike.
/// </summary>
/// <param name="Length">So many bytes from its beginning.</param>
/// <param name="Hash">Their SHA-256, in hexadecimal digits.</param>
internal sealed record FileHead(int Length, string Hash)
{
    /// <summary>Bytes that are looked at; of a shorter file all.</summary>
    public const int LengthMax = 1024;

    private static ReadOnlySpan<byte> GzipMagic => [0x1f, 0x8b];

    /// <summary>The head of a file, unpacked, of at most so many bytes.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static FileHead Of(string path, int lengthMax = LengthMax)
    {
        using var stream = Open(path);
        return Of(stream, lengthMax);
    }

    public static FileHead Of(Stream stream, int lengthMax = LengthMax)
    {
        var buffer = new byte[lengthMax];
        var length = stream.ReadAtLeast(buffer, lengthMax, throwOnEndOfStream: false);
        return new FileHead(length, Convert.ToHexStringLower(SHA256.HashData(buffer.AsSpan(0, length))));
    }

    /// <summary>Whether a file begins so.</summary>
    public bool IsOf(string path)
    {
        try
        {
            return Of(path, Length) == this;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return false;
        }
    }

    /// <summary>Opens a log for reading, while others may write, rename and remove it; unpacks it where it is packed.</summary>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public static Stream Open(string path)
    {
        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        try
        {
            Span<byte> magic = stackalloc byte[2];
            var isPacked = file.CanSeek && file.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false) == magic.Length
                && magic.SequenceEqual(GzipMagic);
            if (file.CanSeek) file.Position = 0;
            return isPacked ? new GZipStream(file, CompressionMode.Decompress) : file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Goes on at a place, by reading what is before it if there is no other way.</summary>
    /// <returns>False when the stream ends before.</returns>
    public static bool TrySkip(Stream stream, long bytes)
    {
        if (stream.CanSeek)
        {
            if (stream.Length < bytes) return false;
            stream.Position = bytes;
            return true;
        }

        var buffer = new byte[64 * 1024];
        while (bytes > 0)
        {
            var read = stream.Read(buffer, 0, (int)Math.Min(buffer.Length, bytes));
            if (read == 0) return false;
            bytes -= read;
        }

        return true;
    }
}
