using System.Formats.Cbor;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Piwheels.Core.Packaging;
using Piwheels.Master;
using Piwheels.Master.Administration;
using Piwheels.Master.Transfers;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Administration;

/// <summary>Importers that lie, vanish or want too much, against MrChase and FileJuggler together.</summary>
public sealed class HostileImportTests : IAsyncDisposable
{
    private const string Wheel = "foo-1.0-cp311-cp311-linux_armv7l.whl";
    private const int LogsLengthMax = 1_000;
    private static readonly Release Foo1 = new(PackageName.Parse("foo"), "1.0");

    private readonly TaskTestbed _bed = new();
    private readonly FakeDatabase _database;
    private readonly MasterConfiguration _configuration;
    private readonly FileJuggler _juggler;
    private readonly MrChase _chase;
    private readonly ZmqSocket _tool;

    public HostileImportTests()
    {
        _database = new FakeDatabase(_bed.Time);
        _configuration = new MasterConfiguration
        {
            ImportQueue = _bed.Ipc("import"),
            FileQueue = _bed.Ipc("file"),
            OutputPath = Directory.CreateDirectory(Path.Combine(_bed.Folder, "www")).FullName,
        };
        var others = _bed.Task("others");
        others.BindRpc<SecretaryRequest, SecretaryReply>(
            _configuration.WebQueue, _ => Task.FromResult<SecretaryReply>(new SecretaryReply.Done()));
        others.BindRpc<SkipRequest, SkipReply>(
            MasterConfiguration.SkipQueue, _ => Task.FromResult<SkipReply>(new SkipReply.Ok()));
        others.Bind<StatsMessage, NoMessages>(ZmqSocketType.Pull, _configuration.StatsQueue);
        others.Start();
        _juggler = _bed.Add(new FileJuggler(_configuration, _bed.Environment, _database));
        _juggler.Start();
        _chase = _bed.Add(new MrChase(_configuration, _bed.Environment, _database, logsLengthMax: LogsLengthMax));
        _chase.Start();
        _tool = Open(ZmqSocketType.Req, _configuration.ImportQueue);
    }

    public ValueTask DisposeAsync()
    {
        _tool.Dispose();
        return _bed.DisposeAsync();
    }

    [Fact]
    public async Task An_importer_that_vanishes_while_it_sends_leaves_nothing_behind()
    {
        await KnowAsync();
        var content = RandomNumberGenerator.GetBytes(1_000_000);
        using (var tool = Open(ZmqSocketType.Req, _configuration.ImportQueue))
        using (var sender = Open(ZmqSocketType.Dealer, _configuration.FileQueue))
        {
            Assert.Equal($"SEND {Wheel}", Ask(Import(content), tool));
            Assert.Equal("FETCH 0 65536", Said(sender, new FileRequest.Hello(0)));
            Assert.True(sender.TrySend([.. new FileRequest.Chunk(0, content.AsMemory(0, 65_536)).ToFrames()]));
            // The chunk was taken when the one after the first ten is asked for
            string said;
            do said = Reply(sender);
            while (said != "FETCH 655360 65536");
        }

        Assert.Equal((1, 1, 1), (_chase.ToolsCount, _juggler.Transfers.ExpectedCount, _juggler.Transfers.SendersCount));
        Assert.NotEmpty(FilesLeft());
        _bed.Time.Advance(MrChase.SilenceMax);
        await _bed.Log.WhenSaidAsync("fallen silent");

        // Asked after the import was dropped, and answered when that has been done
        Assert.Equal("ERROR protocol violation", Ask(new ImportRequest.Sent()));
        Assert.Equal($"SEND {Wheel}", Ask(Import(content)));
        Assert.Equal((1, 1, 0), (_chase.ToolsCount, _juggler.Transfers.ExpectedCount, _juggler.Transfers.SendersCount));
        Assert.Empty(FilesLeft());
        Assert.Empty(_database.Builds);
    }

    public static TheoryData<string, string> Lies() => new()
    {
        { "other bytes", "its SHA-256 is" },
        { "no zip", "" },
        { "a broken zip", "" },
        { "other METADATA", "its METADATA is of the project 'bar'" },
        { "other version", "its METADATA is of version '2.0'" },
    };

    [Theory]
    [MemberData(nameof(Lies))]
    public async Task What_is_sent_and_is_not_what_was_announced_is_refused_and_removed(string lie, string words)
    {
        await KnowAsync();
        var maker = new WheelMaker("foo", "1.0", "cp311-cp311-linux_armv7l")
        {
            Metadata = lie.StartsWith("other", StringComparison.Ordinal)
                ? string.Create(
                    CultureInfo.InvariantCulture,
                    $"Metadata-Version: 2.1\nName: {(lie == "other METADATA" ? "bar" : "foo")}\nVersion: {(lie == "other version" ? 2 : 1)}.0\n")
                : null,
        };
        var content = lie == "no zip" ? Encoding.UTF8.GetBytes("this is no zip at all") : maker.ToBytes();
        if (lie == "a broken zip") content = content[..^40];
        byte[] sent = lie == "other bytes" ? [.. content[..^1], (byte)(content[^1] ^ 1)] : content;

        var reply = Ask(Import(content));
        for (var files = 0; reply.StartsWith("SEND", StringComparison.Ordinal); files++)
        {
            Assert.True(files < ImportSession.AttemptsMax);
            Send(sent);
            reply = Ask(new ImportRequest.Sent());
        }

        Assert.StartsWith("ERROR ", reply, StringComparison.Ordinal);
        Assert.Contains(words, reply, StringComparison.Ordinal);
        Assert.Empty(FilesLeft());
        Assert.Empty(_database.Builds);
        Assert.Equal((0, 0), (_juggler.Transfers.ExpectedCount, _juggler.Transfers.SendersCount));
    }

    [Fact]
    public async Task Logs_without_end_are_refused_until_other_imports_are_done()
    {
        await KnowAsync();
        using var other = Open(ZmqSocketType.Req, _configuration.ImportQueue);
        var content = new WheelMaker("foo", "1.0", "cp311-cp311-linux_armv7l").ToBytes();
        var import = Import(content);
        import = import with { Build = import.Build with { Output = new string('x', LogsLengthMax / 2 + 1) } };
        Assert.Equal($"SEND {Wheel}", Ask(import));
        Assert.StartsWith("ERROR too much is imported at a time", Ask(import, other), StringComparison.Ordinal);
        Send(content);
        Assert.Equal("DONE IMPORT", Ask(new ImportRequest.Sent()));
        Assert.Equal($"SEND {Wheel}", Ask(import, other));
    }

    private async Task KnowAsync()
    {
        await _database.AddTargetAsync(new("cp311", "linux_armv7l"));
        await _database.AddNewPackageAsync(Foo1.Package);
        await _database.AddNewPackageVersionAsync(Foo1);
    }

    private static ImportRequest.Import Import(byte[] content) => new(Imports.Build(Imports.File(Wheel) with
    {
        FileSize = content.Length,
        FileHash = Convert.ToHexStringLower(SHA256.HashData(content)),
    }));

    /// <summary>All files that are published, or are to be.</summary>
    private string[] FilesLeft() => Directory.GetFiles(
        _configuration.OutputPath, "*",
        new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.None });

    private ZmqSocket Open(ZmqSocketType type, string address)
    {
        var socket = _bed.Zmq.CreateSocket(type, new SocketOptions { Linger = TimeSpan.Zero });
        socket.Connect(address);
        return socket;
    }

    /// <summary>Sends what it is asked for, until DONE.</summary>
    private void Send(byte[] content)
    {
        using var sender = Open(ZmqSocketType.Dealer, _configuration.FileQueue);
        var said = Said(sender, new FileRequest.Hello(0));
        while (said != "DONE")
        {
            var (offset, length) = (int.Parse(said.Split(' ')[1]), int.Parse(said.Split(' ')[2]));
            Assert.True(sender.TrySend([.. new FileRequest.Chunk(offset, content.AsMemory(offset, length)).ToFrames()]));
            said = Reply(sender);
        }
    }

    private static string Said(ZmqSocket sender, FileRequest request)
    {
        Assert.True(sender.TrySend([.. request.ToFrames()]));
        return Reply(sender);
    }

    private static string Reply(ZmqSocket sender)
    {
        Assert.True(sender.WaitReadable(Waiting.Limit));
        Assert.True(sender.TryReceive(out var frames));
        return FileReply.Read(frames) is FileReply.Fetch(var offset, var length) ? $"FETCH {offset} {length}" : "DONE";
    }

    private string Ask(ImportRequest request, ZmqSocket? tool = null)
    {
        Send(tool ?? _tool, request);
        return Reply(tool ?? _tool, ImportReply.Read);
    }

    private static void Send(ZmqSocket tool, ImportRequest request)
    {
        var writer = new CborWriter();
        request.Write(writer);
        Assert.True(tool.TrySend(writer.Encode()));
    }

    private static string Reply(ZmqSocket tool, Func<ReadOnlyMemory<byte>, ImportReply> read)
    {
        Assert.True(tool.WaitReadable(Waiting.Limit));
        Assert.True(tool.TryReceive(out var frames));
        return read(frames[0]) switch
        {
            ImportReply.Send(var filename) => $"SEND {filename}",
            ImportReply.Done(var what) => $"DONE {what}",
            ImportReply.Error(var message) => $"ERROR {message}",
            var other => other.Name,
        };
    }
}
