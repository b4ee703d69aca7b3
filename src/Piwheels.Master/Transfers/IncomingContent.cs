using System.Security.Cryptography;
using Piwheels.Core.States;

namespace Piwheels.Master.Transfers;

/// <summary>
/// The bytes of one transfer, each written once, and their SHA-256, which follows them: where they come in order, as they
/// do, it is known with the last one.
/// </summary>
internal sealed class IncomingContent(TemporaryFile file) : IDisposable
{
    /// <summary>
    /// Chunks that are read back with one that came, to hash what came before its turn. Somebody who sends the end first
    /// shall not have the whole file read on the task's thread.
    /// </summary>
    public const int ReadBackMax = 4;

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly Dictionary<long, int> _ahead = [];
    private readonly Lock _lock = new();
    private bool _isDropped;
    private long _hashed;
    private string? _result;

    public TemporaryFile File { get; } = file;

    /// <summary>Whether the hash has reached the end of a file of this size, so that asking for it costs nothing.</summary>
    public bool IsHashed(long size) => _hashed == size;

    /// <summary>Writes a chunk to its place; on any thread, one at a time.</summary>
    /// <returns>False where the transfer was dropped meanwhile.</returns>
    /// <exception cref="IOException">It cannot be written; above all, the disk is full.</exception>
    public bool Write(long offset, ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            if (_isDropped) return false;
            WriteNext(offset, bytes);
            return true;
        }
    }

    private void WriteNext(long offset, ReadOnlySpan<byte> bytes)
    {
        File.Write(offset, bytes);
        if (offset == _hashed)
        {
            _hash.AppendData(bytes);
            _hashed += bytes.Length;
            ReadBack(ReadBackMax);
        }
        else
        {
            _ahead[offset] = bytes.Length;
        }
    }

    /// <summary>The SHA-256 of all that came, in lower case; once every byte is there. May read from the disk.</summary>
    /// <exception cref="IOException">It cannot be read back.</exception>
    public string Hash()
    {
        if (_result is not null) return _result;
        ReadBack(int.MaxValue);
        return _result = Convert.ToHexStringLower(_hash.GetHashAndReset());
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _isDropped = true;
            _hash.Dispose();
            File.Dispose();
        }
    }

    private void ReadBack(int chunksMax)
    {
        Span<byte> buffer = [];
        for (var count = 0; count < chunksMax && _ahead.Remove(_hashed, out var length); count++)
        {
            if (buffer.IsEmpty) buffer = new byte[TransferState.ChunkBytes];
            var chunk = buffer[..length];
            File.Read(_hashed, chunk);
            _hash.AppendData(chunk);
            _hashed += length;
        }
    }
}
