using System.Runtime.InteropServices;

namespace Piwheels.Messaging.Zmq;

/// <summary>A call of libzmq failed; the text says which, upon what, and why.</summary>
public sealed class ZmqException(string message, int error) : Exception(message)
{
    /// <summary>The errno value, or libzmq's own number above 156384712.</summary>
    public int Error { get; } = error;

    /// <summary>The context has been shut down.</summary>
    public bool ContextEnded => Error == LibZmq.Eterm;

    internal static ZmqException Last(string what) => Of(what, Marshal.GetLastPInvokeError());

    internal static ZmqException Of(string what, int error) =>
        new($"{what}: {Marshal.PtrToStringUTF8(LibZmq.ErrorText(error))}", error);
}
