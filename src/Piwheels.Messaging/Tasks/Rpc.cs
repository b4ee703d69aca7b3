using System.Text;
using Piwheels.Core.Database;

namespace Piwheels.Messaging.Tasks;

/// <summary>A request to another task was not answered, or was answered with a failure.</summary>
/// <param name="transient">True when the same request may succeed later.</param>
public sealed class RpcException(string message, bool transient, Exception? inner = null) : Exception(message, inner)
{
    public bool Transient { get; } = transient;
}

/// <summary>
/// How requests between tasks look: [request id (8 bytes), payload], answered by [request id, status (1 byte), payload
/// or error text]. A ROUTER sees the address in front.
/// </summary>
public static class RpcFrames
{
    public const int IdBytes = sizeof(ulong);
    public const int ErrorBytesMax = 16 * 1024;

    public const byte Done = 0;
    public const byte Failed = 1;
    public const byte FailedForNow = 2;

    /// <summary>
    /// The frames that answer a request with a failure, to be sent after the address of the one who asked.
    /// </summary>
    public static ReadOnlyMemory<byte>[] Failure(ReadOnlyMemory<byte> id, byte status, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return [id, new[] { status }, bytes.AsMemory(0, Math.Min(bytes.Length, ErrorBytesMax))];
    }

    public static byte StatusOf(Exception failure) => failure switch
    {
        DatabaseException { Transient: true } => FailedForNow,
        RpcException { Transient: true } => FailedForNow,
        OperationCanceledException => FailedForNow,
        _ => Failed,
    };
}
