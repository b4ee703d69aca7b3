using System.Formats.Cbor;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Tests.Messaging;

/// <summary>A message set of one, for tests of what carries messages.</summary>
public sealed record Note(string Text) : IWireMessage<Note>
{
    public string Name => "NOTE";

    public static Note Read(ReadOnlyMemory<byte> payload)
    {
        try
        {
            var reader = new CborReader(payload);
            var note = new Note(reader.ReadTextString());
            return reader.BytesRemaining == 0 ? note : throw new WireException("trailing bytes");
        }
        catch (Exception wrong) when (wrong is CborContentException or InvalidOperationException)
        {
            throw new WireException(wrong.Message, wrong);
        }
    }

    public void Write(CborWriter writer) => writer.WriteTextString(Text);

    /// <summary>As bytes, for peers that have no socket of ours.</summary>
    public byte[] ToBytes()
    {
        var writer = new CborWriter();
        Write(writer);
        return writer.Encode();
    }
}
