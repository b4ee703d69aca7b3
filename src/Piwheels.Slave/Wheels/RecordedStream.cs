using System.Security.Cryptography;
using Piwheels.Core.Packaging;

namespace Piwheels.Slave.Wheels;

/// <summary>Holds an entry, while it is read to its end, to what RECORD says of it.</summary>
internal sealed class RecordedStream : ReadOnlyStream
{
    private readonly Stream _content;
    private readonly WheelEntry _entry;
    private readonly RecordedFile? _recorded;
    private readonly IncrementalHash? _hash;
    private bool _ended;

    /// <param name="recorded">Null for a file that RECORD rightly says nothing of.</param>
    public RecordedStream(Stream content, WheelEntry entry, RecordedFile? recorded)
    {
        _content = content;
        _entry = entry;
        _recorded = recorded;
        _hash = recorded is null ? null : IncrementalHash.CreateHash(recorded.Algorithm);
    }

    /// <exception cref="InvalidDataException">At the end: RECORD has another size or hash.</exception>
    public override int Read(Span<byte> buffer)
    {
        var read = _content.Read(buffer);
        if (_recorded is null || _hash is null || _ended || buffer.IsEmpty) return read;
        if (read > 0)
        {
            _hash.AppendData(buffer[..read]);
            return read;
        }

        _ended = true;
        if (_recorded.Size is { } size && size != _entry.Size)
            throw new InvalidDataException($"its RECORD has another size of {_entry}");
        if (!_hash.GetHashAndReset().AsSpan().SequenceEqual(_recorded.Digest))
            throw new InvalidDataException($"its RECORD has another hash of {_entry}");
        return 0;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _content.Dispose();
            _hash?.Dispose();
        }

        base.Dispose(disposing);
    }
}
