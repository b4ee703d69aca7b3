using System.Formats.Cbor;

namespace Piwheels.Messaging.Protocols;

/// <summary>
/// One direction of one queue: a closed set of messages, each a sealed record below <typeparamref name="TSelf"/>.
/// On the wire a message is one CBOR item (RFC 8949): <c>[name, data]</c>, or the bare text <c>name</c>.
/// </summary>
public interface IWireMessage<TSelf>
    where TSelf : class, IWireMessage<TSelf>
{
    /// <summary>The message's name on the wire, e.g. <c>BUILT</c>.</summary>
    string Name { get; }

    /// <summary>Reads one whole payload.</summary>
    /// <exception cref="WireException">It is not exactly one message of this set.</exception>
    static abstract TSelf Read(ReadOnlyMemory<byte> payload);

    /// <summary>Writes the whole payload.</summary>
    void Write(CborWriter writer);
}

/// <summary>What a peer sent is not a message of its queue. The text says what was wrong, for the log.</summary>
public sealed class WireException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>A message that may be so large that encoding it takes its time.</summary>
internal interface ILargeMessage
{
    /// <summary>About how many characters or bytes it has.</summary>
    int Length { get; }
}
