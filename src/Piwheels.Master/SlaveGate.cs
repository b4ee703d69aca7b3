using Microsoft.Extensions.Logging;
using Piwheels.Messaging.Keys;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Master;

/// <summary>
/// Who may connect with a key: the list of the folder, as it was when nothing was wrong with it. Asked by any task;
/// refreshed by one.
/// </summary>
/// <remarks>
/// libzmq asks once, when somebody connects, and cannot be told to cut a connection. So whoever takes messages in asks
/// again for each: a key that is off the list has no effect from the moment that the list is read.
/// </remarks>
public sealed partial class SlaveGate
{
    private readonly KeyFolder? _folder;
    private readonly ILogger _logger;
    private string _seen = "";
    private string _changing = "";
    private volatile SlaveKeys _list = SlaveKeys.None;
    private Action _whenChanged = static () => { };

    private SlaveGate(KeyFolder? folder, ILogger logger)
    {
        _folder = folder;
        _logger = logger;
    }

    /// <summary>The master's own keys; null where nobody connects with keys.</summary>
    public CurveKeyPair? Keys { get; private init; }

    /// <summary>The master's own keys, and the list; nobody connects with keys where the folder is empty text.</summary>
    /// <exception cref="KeyException">Something in the folder cannot be used.</exception>
    public static SlaveGate Open(string folder, ILogger logger)
    {
        if (folder.Length == 0) return new SlaveGate(null, logger);
        var keys = new KeyFolder(folder);
        var own = keys.OpenMaster();
        var list = keys.OpenList();
        var seen = keys.Fingerprint();
        OwnKey(logger, own.PublicKey);
        ListRead(logger, list.All.Count, keys.ListPath);
        return new SlaveGate(keys, logger) { Keys = own, _list = list, _seen = seen, _changing = seen };
    }

    /// <summary>Whether a peer is listened to: by its key, or since it came where none is asked for.</summary>
    public bool Admits(PeerAddress peer) => peer.Key is null || AdmitsKey(peer.Key);

    /// <summary>Whether a key, as Z85 text, may connect.</summary>
    public bool AdmitsKey(string key) => _list.Has(key);

    /// <summary>
    /// Has something done when another list is in force, by whoever refreshes it. To be said before anybody does.
    /// </summary>
    public void WhenChanged(Action action) => _whenChanged += action;

    /// <summary>What the operator calls a peer; null where it came without a key, or has gone off the list.</summary>
    public string? NameOf(PeerAddress peer) => peer.Key is null ? null : _list.NameOf(peer.Key);

    /// <summary>
    /// Reads the list again if it has changed, and then not since the last look. Where it is wrong or gone, the log says
    /// so once for each change, and the one before stays in force.
    /// </summary>
    public void Refresh()
    {
        if (_folder is null) return;
        var seen = _folder.Fingerprint();
        var isWhole = seen == _changing; // As it was a look ago: nobody is writing it
        _changing = seen;
        if (seen == _seen || !isWhole) return;
        _seen = seen;
        try
        {
            _list = _folder.ReadList();
        }
        catch (KeyException fault)
        {
            foreach (var problem in fault.Problems) ListWrong(_logger, problem);
            ListStays(_logger, _folder.ListPath, _list.All.Count);
            return;
        }

        ListRead(_logger, _list.All.Count, _folder.ListPath);
        _whenChanged();
    }

    [LoggerMessage(EventId = 60, Level = LogLevel.Information, Message = "slaves connect with the master's key {Key}")]
    private static partial void OwnKey(ILogger logger, string key);

    [LoggerMessage(EventId = 61, Level = LogLevel.Information, Message = "{Count} slaves may connect, by {List}")]
    private static partial void ListRead(ILogger logger, int count, string list);

    [LoggerMessage(EventId = 62, Level = LogLevel.Error, Message = "{Problem}")]
    private static partial void ListWrong(ILogger logger, string problem);

    [LoggerMessage(EventId = 63, Level = LogLevel.Error,
        Message = "{List} has changed and is wrong: the {Count} slaves of before may connect, and no others")]
    private static partial void ListStays(ILogger logger, string list, int count);
}
