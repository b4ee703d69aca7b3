using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>
/// Reads a stream up to a limit, and fails at the first byte past it. Every read ends with <paramref name="ct"/>, also
/// those of readers that pass no token on.
/// </summary>
internal sealed class LimitedStream(Stream inner, long bytesMax, CancellationToken ct) : ReadOnlyStream
{
    private long _read;

    public override int Read(Span<byte> buffer) => Counted(inner.Read(buffer));

    public override async ValueTask<int> ReadAsync(
        Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        Counted(await inner.ReadAsync(buffer, ct).ConfigureAwait(false));

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    private int Counted(int read)
    {
        _read += read;
        if (_read > bytesMax) throw new ResponseTooLargeException(bytesMax);
        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) inner.Dispose();
        base.Dispose(disposing);
    }
}

/// <summary>An answer is larger than anything of its kind should be.</summary>
internal sealed class ResponseTooLargeException(long bytesMax) : IOException($"it has more than {bytesMax:N0} bytes");
