namespace Piwheels.Messaging.Zmq;

/// <summary>How a socket is set up. IPv6 is on for every socket.</summary>
public sealed record SocketOptions
{
    /// <summary>Frames in a message: none of this farm's protocols has more than five.</summary>
    public const int FramesMax = 16;

    public const int DefaultMaxMessageBytes = 64 * 1024 * 1024;

    /// <summary>How far above the limit a frame is still read, so that its peer can be told.</summary>
    public const int CutFactor = 2;

    /// <summary>
    /// Connections of a bound socket that the system holds until they are taken. With libzmq's own 100, a fleet that
    /// comes back all at once after a master's restart is sent away and tries again seconds later (tcp(7)).
    /// </summary>
    internal const int ConnectionsWaiting = 4096;

    /// <summary>What CURVE servers say that they belong to, when they ask who may connect.</summary>
    public const string KeysDomain = "keys";

    public static readonly SocketOptions Default = new();

    /// <summary>Messages queued per peer, either way, before a send fails or a peer is made to wait.</summary>
    public int HighWaterMark { get; init; } = 1000;

    /// <summary>
    /// Messages received ahead per peer, where that is to be less than what may be sent. A small number only slows a
    /// peer down; a small number of sends would lose messages, since libzmq learns late that earlier ones have gone.
    /// </summary>
    public int? ReceiveHighWaterMark { get; init; }

    /// <summary>How long unsent messages survive the closing of their socket.</summary>
    public TimeSpan Linger { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// The largest message taken, all frames together; larger ones are dropped. The connection of a peer that
    /// announces a frame <see cref="CutFactor"/> times as large is cut before it takes up any memory.
    /// </summary>
    public int MaxMessageBytes { get; init; } = DefaultMaxMessageBytes;

    /// <summary>Prefixes that a SUB socket subscribes to; everything unless said otherwise.</summary>
    public IReadOnlyList<string> Subscribe { get; init; } = [""];

    /// <summary>The name that this socket has at a ROUTER; chosen there when null.</summary>
    public PeerAddress? Identity { get; init; }

    /// <summary>ROUTER: a send to a peer that is not there fails, instead of being dropped silently.</summary>
    public bool RouterMandatory { get; init; } = true;

    /// <summary>ROUTER: a new connection with the identity of an old one takes its place.</summary>
    public bool RouterHandover { get; init; }

    /// <summary>REQ: a new request may be sent while an answer is due; late answers are dropped.</summary>
    public bool RequestRelaxed { get; init; }

    /// <summary>A bound <c>ipc://</c> socket may be connected to by its file's group.</summary>
    public bool GroupWritable { get; init; }

    /// <summary>Bind <c>tcp://</c> addresses on the loopback interfaces only, whatever they say.</summary>
    public bool LoopbackOnly { get; init; }

    /// <summary>
    /// ROUTER: see with every message which host it is from, and as a CURVE server by whose key. Costs a look into two
    /// small maps of libzmq for each.
    /// </summary>
    public bool TellsPeers { get; init; }

    /// <summary>
    /// ROUTER with <see cref="TellsPeers"/>: cut TCP connections by which more comes than a message may have, and no end of
    /// one. For that the owner looks every now and then (<see cref="ZmqSocket.CutEndless"/>).
    /// </summary>
    public bool CutsEndless { get; init; }

    /// <summary>
    /// The most that the kernel keeps of what a peer sends (SO_RCVBUF), in bytes; its own choice unless given. What is there
    /// is read in one go, and meanwhile nobody else.
    /// </summary>
    public int? ReceiveBufferBytes { get; init; }

    /// <summary>Large frames come as <see cref="ReceivedFrame"/>, uncopied, to a receiver who knows that.</summary>
    internal bool LeavesLargeFrames { get; init; }

    /// <summary>
    /// Encrypt as CURVE server, with this secret key (Z85 text of 40 characters). Who may connect is asked of whoever
    /// answers at <c>inproc://zeromq.zap.01</c> (ZeroMQ RFC 27); while nobody does, nobody may.
    /// </summary>
    public string? CurveServerSecretKey { get; init; }

    /// <summary>Encrypt as CURVE client.</summary>
    public CurveClientKeys? CurveClient { get; init; }

    /// <summary>Nothing of what it holds: there may be secrets.</summary>
    public override string ToString() => nameof(SocketOptions);
}

/// <summary>Keys of a CURVE client, each as Z85 text of 40 characters (ZeroMQ RFC 26 and 32).</summary>
public sealed record CurveClientKeys(string ServerPublicKey, string PublicKey, string SecretKey)
{
    /// <summary>Never the secret.</summary>
    public override string ToString() => PublicKey;
}
