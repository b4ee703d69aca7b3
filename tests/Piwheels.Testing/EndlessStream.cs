using System.Text;
using Piwheels.Core.Packaging;

namespace Piwheels.Testing;

/// <summary>A stream that gives a text, then repeats another until so many bytes were given; always at once.</summary>
public sealed class EndlessStream(string beginning, string repeated, long bytes) : ReadOnlyStream
{
    private readonly byte[] _repeated = Encoding.UTF8.GetBytes(repeated);
    private byte[] _current = Encoding.UTF8.GetBytes(beginning);
    private int _at;

    /// <summary>How many bytes were taken.</summary>
    public long Given { get; private set; }

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

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        new(Read(buffer.Span));

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        Task.FromResult(Read(buffer.AsSpan(offset, count)));
}
