using System.Collections.Concurrent;
using System.Formats.Cbor;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Files;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;

namespace Piwheels.EndToEnd.Tests;

/// <summary>
/// A slave that "builds" whatever it is given, at once, and starts over whenever its master is silent; on a thread of its
/// own until it is disposed.
/// </summary>
internal sealed class LoopingSlave : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Nap = TimeSpan.FromMilliseconds(50);

    private static readonly SlaveHello Hello = new(
        TimeSpan.FromHours(3), TimeSpan.FromMinutes(5), "311", "cp311", "linux_armv7l", "loop", "Debian", "12", "", "");

    private readonly ZmqContext _zmq;
    private readonly string _slaveQueue;
    private readonly string _fileQueue;
    private readonly string _folder;
    private readonly FileStateForm _form;
    private readonly ConcurrentBag<FileState> _done;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;

    /// <param name="folder">Where it builds.</param>
    /// <param name="form">That of its generation.</param>
    /// <param name="done">The wheels that its master said DONE to.</param>
    public LoopingSlave(
        ZmqContext zmq, string slaveQueue, string fileQueue, string folder, FileStateForm form, ConcurrentBag<FileState> done)
    {
        (_zmq, _slaveQueue, _fileQueue, _folder, _form, _done) = (zmq, slaveQueue, fileQueue, folder, form, done);
        Directory.CreateDirectory(folder);
        _running = Task.Factory.StartNew(
            Run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
    }

    private void Run()
    {
        while (!_stop.IsCancellationRequested)
        {
            using var socket = _zmq.CreateSocket(ZmqSocketType.Req, new SocketOptions { Linger = TimeSpan.Zero });
            socket.Connect(_slaveQueue);
            if (Ask(socket, new SlaveRequest.Hello(Hello)) is SlaveReply.Ack { SlaveId: var id }) Work(socket, id);
        }
    }

    private void Work(ZmqSocket socket, int id)
    {
        while (!_stop.IsCancellationRequested)
        {
            switch (Ask(socket, new SlaveRequest.Idle(new SlaveStats(DateTimeOffset.UnixEpoch, 1, 1, 1, 1, 1, 1, 0, 0))))
            {
                case SlaveReply.Sleep:
                    _stop.Token.WaitHandle.WaitOne(Nap);
                    break;
                case SlaveReply.Build(var release, _):
                    if (!Build(socket, id, release)) return;
                    break;
                default:
                    return;
            }
        }
    }

    /// <summary>False when the master has gone meanwhile.</summary>
    private bool Build(ZmqSocket socket, int id, Release release)
    {
        var path = new WheelMaker(release.Package.Value, release.Version, "cp311-cp311-linux_armv7l")
            .With("data.bin", RandomNumberGenerator.GetBytes(300_000)).WriteTo(_folder);
        var file = Describe(path);
        var reply = Ask(socket, new SlaveRequest.Built(Status: true, TimeSpan.FromSeconds(1), "built\n", [file], _form));
        while (reply is SlaveReply.Send)
        {
            try
            {
                new FileSender(_zmq, TimeProvider.System, NullLogger.Instance)
                    .SendAsync(_fileQueue, id, path, Patience).GetAwaiter().GetResult();
            }
            catch (FileSendException)
            {
                return false;
            }

            reply = Ask(socket, new SlaveRequest.Sent());
        }

        if (reply is not SlaveReply.Done) return false;
        _done.Add(file);
        return true;
    }

    private static FileState Describe(string path)
    {
        var content = File.ReadAllBytes(path);
        var name = WheelFileName.Parse(Path.GetFileName(path));
        return new FileState(
            name.FileName, content.Length, Convert.ToHexStringLower(SHA256.HashData(content)), name.PackageTag,
            name.VersionTag, name.PythonTag, name.AbiTag, name.PlatformTag, null,
            new Dictionary<string, IReadOnlyList<string>>());
    }

    private static SlaveReply? Ask(ZmqSocket socket, SlaveRequest request)
    {
        var writer = new CborWriter();
        request.Write(writer);
        return socket.TrySend(writer.Encode()) && socket.WaitReadable(Patience) && socket.TryReceive(out var frames)
            ? SlaveReply.Read(frames[0])
            : null;
    }
}
