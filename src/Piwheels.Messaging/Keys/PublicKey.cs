using System.Text;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Messaging.Keys;

/// <summary>A public key of CURVE: 32 bytes, as Z85 text of 40 characters (ZeroMQ RFC 26 and 32).</summary>
public readonly record struct PublicKey
{
    public const int BytesLength = 32;

    public const int TextLength = 40;

    private PublicKey(string text) => Text = text;

    public string Text { get; }

    /// <summary>The key of a text, as somebody wrote it; no word of what it may be else.</summary>
    public static bool TryParse(string text, out PublicKey key)
    {
        key = default;
        if (text.Length != TextLength || !Ascii.IsValid(text)) return false;
        Span<byte> bytes = stackalloc byte[BytesLength];
        if (LibZmq.Z85Decode(bytes, Encoding.ASCII.GetBytes(text + '\0')) == 0) return false;
        // What is all zero is nobody's: a key that was never filled in
        if (!bytes.ContainsAnyExcept((byte)0)) return false;
        key = new PublicKey(text);
        return true;
    }

    /// <exception cref="ArgumentException">Not 32 bytes.</exception>
    public static PublicKey Of(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != BytesLength) throw new ArgumentException($"a key has {BytesLength} bytes", nameof(bytes));
        Span<byte> text = stackalloc byte[TextLength + 1];
        LibZmq.Z85Encode(text, bytes, (nuint)bytes.Length);
        return new PublicKey(Encoding.ASCII.GetString(text[..TextLength]));
    }

    public override string ToString() => Text;
}
