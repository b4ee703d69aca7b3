using System.Buffers;
using System.Formats.Cbor;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Messaging.Tasks;

/// <summary>Writes messages into one buffer, used again and again.</summary>
internal sealed class WireEncoder
{
    private const int KeptBytesMax = 1024 * 1024;

    private readonly CborWriter _writer = new(CborConformanceMode.Lax);
    private byte[] _buffer = new byte[1024];

    /// <summary>The whole payload; valid until the next call.</summary>
    public ReadOnlySpan<byte> Encode<T>(T message)
        where T : class, IWireMessage<T>
    {
        try
        {
            message.Write(_writer);
            var length = _writer.BytesWritten;
            if (_buffer.Length < length || (_buffer.Length > KeptBytesMax && length <= KeptBytesMax))
                _buffer = new byte[Math.Max(1024, length)];
            _writer.Encode(_buffer);
            return _buffer.AsSpan(0, length);
        }
        finally
        {
            _writer.Reset();
        }
    }
}
