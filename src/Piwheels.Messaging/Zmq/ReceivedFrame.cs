using System.Buffers;
using System.Runtime.InteropServices;

namespace Piwheels.Messaging.Zmq;

/// <summary>
/// A large frame where libzmq has put it: to copy fifty megabytes takes longer than a slave should wait for its reply. To
/// be read on another thread, and disposed; nothing else may refer to its bytes.
/// </summary>
internal sealed unsafe class ReceivedFrame : MemoryManager<byte>
{
    /// <summary>Smaller ones are copied at once.</summary>
    public const int BytesMin = 1024 * 1024;

    private readonly MessageHandle _message;
    private readonly int _length;

    /// <summary>Takes the content of a message over, which is empty then.</summary>
    public ReceivedFrame(ref LibZmq.Message message)
    {
        _message = new MessageHandle(ref message);
        _length = (int)LibZmq.MessageSize(ref *_message.Message);
    }

    /// <summary>Has a payload read; where its bytes are libzmq's, they are freed then, and nothing may refer to them.</summary>
    public static T Read<T>(ReadOnlyMemory<byte> payload, Func<ReadOnlyMemory<byte>, T> read)
    {
        if (!MemoryMarshal.TryGetMemoryManager<byte, ReceivedFrame>(payload, out var frame)) return read(payload);
        using (frame) return read(payload);
    }

    public override Span<byte> GetSpan()
    {
        ObjectDisposedException.ThrowIf(_message.IsClosed, this);
        return new Span<byte>(LibZmq.MessageData(ref *_message.Message), _length);
    }

    public override MemoryHandle Pin(int elementIndex = 0) =>
        new(LibZmq.MessageData(ref *_message.Message) + elementIndex, pinnable: this);

    public override void Unpin()
    {
        // It does not move
    }

    protected override void Dispose(bool disposing) => _message.Dispose();

    /// <summary>A zmq_msg_t at a place of its own.</summary>
    private sealed class MessageHandle : SafeHandle
    {
        public MessageHandle(ref LibZmq.Message message)
            : base(0, ownsHandle: true)
        {
            SetHandle((nint)NativeMemory.Alloc((nuint)sizeof(LibZmq.Message)));
            _ = LibZmq.MessageInit(ref *Message);
            _ = LibZmq.MessageMove(ref *Message, ref message);
        }

        public LibZmq.Message* Message => (LibZmq.Message*)handle;

        public override bool IsInvalid => handle == 0;

        protected override bool ReleaseHandle()
        {
            _ = LibZmq.MessageClose(ref *Message);
            NativeMemory.Free(Message);
            return true;
        }
    }
}
