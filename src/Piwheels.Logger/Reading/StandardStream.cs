using System.IO.Compression;
using Microsoft.Win32.SafeHandles;

namespace Piwheels.Logger.Reading;

/// <summary>Standard input, unpacked where it is packed.</summary>
internal sealed class StandardStream : Stream
{
    private readonly FileStream _input;
    private readonly byte[] _ahead = new byte[2];
    private int _aheadBegin;
    private int _aheadEnd;

    private StandardStream(SafeFileHandle handle) => _input = new FileStream(handle, FileAccess.Read, bufferSize: 0);

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Waits for the first bytes, which say whether it is packed.</summary>
    public static Stream Open(SafeFileHandle handle)
    {
        var stream = new StandardStream(handle);
        return stream.IsPacked() ? new GZipStream(stream, CompressionMode.Decompress) : stream;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        if (_aheadBegin == _aheadEnd) return _input.Read(buffer);
        var length = Math.Min(buffer.Length, _aheadEnd - _aheadBegin);
        _ahead.AsSpan(_aheadBegin, length).CopyTo(buffer);
        _aheadBegin += length;
        return length;
    }

    public override void Flush()
    {
        // Nothing is written
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing) _input.Dispose();
        base.Dispose(disposing);
    }

    private bool IsPacked()
    {
        _aheadEnd = _input.Read(_ahead);
        if (_aheadEnd == 1 && _ahead[0] == 0x1f) _aheadEnd += _input.Read(_ahead.AsSpan(1));
        return _aheadEnd == _ahead.Length && _ahead[0] == 0x1f && _ahead[1] == 0x8b;
    }
}
