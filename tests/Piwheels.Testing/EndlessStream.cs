using System.Text;

namespace Piwheels.Testing;

/// <summary>A stream that gives a text, then repeats another until so many bytes were given; always at once.</summary>
public sealed class EndlessStream(string beginning, string repeated, long bytes) : Stream
{
    private readonly byte[] _repeated = Encoding.UTF8.GetBytes(repeated);
    private byte[] _current = Encoding.UTF8.GetBytes(beginning);
    private int _at;

    /// <summary>How many bytes were taken.</summary>
    public long Given { get; private set; }

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(Span<byte> buffer)
    {
        var read = 0;
        while (read < buffer.Length && Given < bytes)
        {
            if (_at == _current.Length) (_current, _at) = (_repeated, 0);
            var count = Math.Min(buffer.Length - read, _current.Length - _at);
            _current.AsSpan(_at, count).CopyTo(buffer[read..]);
            (_at, read, Given) = (_at + count, read + count, Given + count);
        }

        return read;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        new(Read(buffer.Span));

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        Task.FromResult(Read(buffer.AsSpan(offset, count)));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
