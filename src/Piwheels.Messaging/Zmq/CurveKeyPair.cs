using System.Text;

namespace Piwheels.Messaging.Zmq;

/// <summary>A CURVE key pair, each key as Z85 text of 40 characters (ZeroMQ RFC 26 and 32).</summary>
public sealed record CurveKeyPair(string PublicKey, string SecretKey)
{
    private const int Z85Bytes = 41; // 40 characters and a zero

    public static CurveKeyPair Generate()
    {
        Span<byte> publicKey = stackalloc byte[Z85Bytes];
        Span<byte> secretKey = stackalloc byte[Z85Bytes];
        if (LibZmq.CurveKeyPair(publicKey, secretKey) != 0)
            throw ZmqException.Last("cannot make a key pair");
        return new(Text(publicKey), Text(secretKey));
    }

    /// <summary>The pair that a secret key belongs to.</summary>
    /// <exception cref="ZmqException">It is not a key.</exception>
    public static CurveKeyPair OfSecret(string secretKey)
    {
        Span<byte> publicKey = stackalloc byte[Z85Bytes];
        if (LibZmq.CurvePublic(publicKey, Encoding.ASCII.GetBytes(secretKey + '\0')) != 0)
            throw ZmqException.Last("not a secret key");
        return new(Text(publicKey), secretKey);
    }

    /// <summary>Never the secret.</summary>
    public override string ToString() => PublicKey;

    private static string Text(ReadOnlySpan<byte> z85) => Encoding.ASCII.GetString(z85[..^1]);
}
