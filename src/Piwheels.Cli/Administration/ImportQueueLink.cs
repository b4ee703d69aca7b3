using System.Formats.Cbor;
using Piwheels.Cli.Options;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Cli.Administration;

/// <summary>A tool's end of the master's import queue: one question at a time, each answered or given up.</summary>
internal sealed class ImportQueueLink : IDisposable
{
    /// <summary>The longest wait before a stop is looked for.</summary>
    private static readonly TimeSpan PollMax = TimeSpan.FromMilliseconds(200);

    private readonly ZmqContext _zmq = new();
    private readonly ZmqSocket _socket;
    private readonly string _address;
    private readonly TimeSpan _patience;
    private readonly TimeProvider _time;

    /// <param name="patience">How long to wait for an answer.</param>
    /// <exception cref="ZmqException">The address is malformed.</exception>
    public ImportQueueLink(string address, TimeSpan patience, TimeProvider time)
    {
        _address = address;
        _patience = patience;
        _time = time;
        // What was not heard when the tool gives up must not be done when a master comes up later
        _socket = _zmq.CreateSocket(ZmqSocketType.Req, new SocketOptions { Linger = TimeSpan.Zero });
        _socket.Connect(address);
    }

    /// <summary>Asks, and waits for the answer.</summary>
    /// <param name="patience">How long to wait for it; as long as for all others unless given.</param>
    /// <exception cref="CommandFault">No master answered, or not in a way that can be read.</exception>
    /// <exception cref="OperationCanceledException">The tool was stopped.</exception>
    public ImportReply Ask(ImportRequest request, CancellationToken stop, TimeSpan? patience = null)
    {
        if (IpcPath.Look(_address) == IpcReach.Forbidden)
            throw new CommandFault($"this user may not connect to {_address}: run it as the one who runs the master");
        var writer = new CborWriter();
        request.Write(writer);
        var limit = patience ?? _patience;
        var until = _time.GetUtcNow() + limit;
        var sent = _socket.TrySend(writer.Encode());
        while (sent)
        {
            stop.ThrowIfCancellationRequested();
            var left = until - _time.GetUtcNow();
            if (left <= TimeSpan.Zero) break;
            if (!_socket.WaitReadable(left < PollMax ? left : PollMax)) continue;
            if (_socket.TryReceive(out var frames)) return Read(frames);
        }

        var why = IpcPath.Look(_address) == IpcReach.Nobody ? ": nobody listens there" : Hint(request);
        throw new CommandFault($"no master answered at {_address} within {DurationText.Show(limit)}{why}");
    }

    public void Dispose()
    {
        _socket.Dispose();
        _zmq.Dispose();
    }

    private ImportReply Read(ReadOnlyMemory<byte>[] frames)
    {
        try
        {
            return frames is [var payload] ? ImportReply.Read(payload) : throw new WireException("no single frame");
        }
        catch (WireException wrong)
        {
            throw new CommandFault(
                $"what answered at {_address} is no master: {wrong.Message}", CommandFault.Failed, wrong);
        }
    }

    /// <summary>A master of piwheels drops what it does not know, and others may have more to do than they are given time.</summary>
    private static string Hint(ImportRequest request) => request switch
    {
        ImportRequest.Priority => "; a master of piwheels has no answer to --priority",
        ImportRequest.Status => "; a master of piwheels has no answer to this",
        ImportRequest.AddPackage or ImportRequest.AddVersion => "; one of piwheels before 0.20 has no answer to this",
        ImportRequest.RemovePackage or ImportRequest.RemoveVersion =>
            "; one that is still removing goes on with it, and one of piwheels before 0.20 needs --old-master",
        ImportRequest.Rebuild { Package: null, Scope: RebuildScope.Project or RebuildScope.Both } =>
            "; one that is still entering all packages goes on with it",
        ImportRequest.Import { Form: FileStateForm.WithLocation } => "; one of piwheels before 0.22 needs --old-master",
        ImportRequest.Sent => "; it may still record the build: see whether its files are listed before you try again",
        _ => "",
    };
}
