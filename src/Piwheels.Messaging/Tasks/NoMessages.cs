using System.Formats.Cbor;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Messaging.Tasks;

/// <summary>The closed set without members: for the direction that a queue does not use.</summary>
public sealed record NoMessages : IWireMessage<NoMessages>
{
    private NoMessages()
    {
    }

    public string Name => throw new InvalidOperationException("There are no such messages.");

    public static NoMessages Read(ReadOnlyMemory<byte> payload) =>
        throw new WireException("nothing may be sent in this direction");

    public void Write(CborWriter writer) => throw new InvalidOperationException("There are no such messages.");
}
