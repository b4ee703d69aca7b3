using Piwheels.Messaging.Zmq;

namespace Piwheels.Slave.Conversation;

/// <summary>
/// Why one connection to the master comes to nothing, in words that help to mend it. libzmq tries again for ever, or not
/// at all, and without a word.
/// </summary>
/// <param name="address">Where the slave connects.</param>
/// <param name="publicKey">Its own public key; null where it has none.</param>
internal sealed class HandshakeTrouble(string address, string? publicKey)
{
    /// <summary>How often it may break off before that means something: a master that stops does it too.</summary>
    public const int BrokenOffMax = 3;

    private bool _met;
    private int _brokenOff;

    /// <summary>Why there is no connection, and will be none; null while there is hope.</summary>
    public string? After(Handshake handshake)
    {
        switch (handshake)
        {
            case Handshake.Succeeded:
                _met = true;
                return null;
            case Handshake.Refused:
                return $"the master at {address} does not know this slave's key; on its machine: "
                    + $"piw slave-key add NAME '{publicKey}'";
            case Handshake.OfAnotherKind:
                return publicKey is null
                    ? $"{address} is for slaves with keys (piw slave-key make, and --master-key)"
                    : $"{address} is for slaves without keys; those with keys have a port of their own";
            case Handshake.BrokenOff when !_met && ++_brokenOff >= BrokenOffMax:
                return publicKey is null
                    ? $"{address} breaks off at the first word, as masters do that want keys (--master-key)"
                    : $"{address} breaks off at the first word: the master's key is another than --master-key says, "
                    + "or this is its port for slaves without keys";
            default:
                return null;
        }
    }
}
