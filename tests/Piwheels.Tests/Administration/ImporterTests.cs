using System.Formats.Cbor;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Master;
using Piwheels.Master.Administration;
using Piwheels.Master.Transfers;
using Piwheels.Messaging.Files;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Administration;

/// <summary>Importers with real files, against MrChase and FileJuggler together.</summary>
public sealed class ImporterTests : IAsyncDisposable
{
    private readonly TaskTestbed _bed = new();
    private readonly FakeDatabase _database = new(TimeProvider.System);
    private readonly string _fileQueue;
    private readonly MasterConfiguration _configuration;

    public ImporterTests()
    {
        // Waits between two tasks and a sender's thread are real ones here
        var environment = _bed.Environment with { Time = TimeProvider.System };
        _configuration = new MasterConfiguration
        {
            ImportQueue = _bed.Ipc("import"),
            FileQueue = "tcp://127.0.0.1:*",
            OutputPath = Directory.CreateDirectory(Path.Combine(_bed.Folder, "www")).FullName,
        };
        var others = _bed.Add(new ScriptedTask("others", environment));
        others.BindRpc<SecretaryRequest, SecretaryReply>(
            _configuration.WebQueue, _ => Task.FromResult<SecretaryReply>(new SecretaryReply.Done()));
        others.BindRpc<SkipRequest, SkipReply>(
            MasterConfiguration.SkipQueue, _ => Task.FromResult<SkipReply>(new SkipReply.Ok()));
        others.Bind<StatsMessage, NoMessages>(ZmqSocketType.Pull, _configuration.StatsQueue);
        others.Start();
        var juggler = _bed.Add(new FileJuggler(_configuration, environment, _database));
        juggler.Start();
        _fileQueue = juggler.Endpoints.First(each => each.StartsWith("tcp:", StringComparison.Ordinal));
        _bed.Add(new MrChase(_configuration, environment, _database)).Start();
    }

    public ValueTask DisposeAsync() => _bed.DisposeAsync();

    [Fact]
    public async Task Two_importers_at_once_get_their_own_files_in()
    {
        await AddTargetsAsync();
        string[] names = ["spam", "eggs"];
        foreach (var name in names)
        {
            var package = PackageName.Parse(name);
            await _database.AddNewPackageAsync(package);
            await _database.AddNewPackageVersionAsync(new(package, "1.0"));
        }

        await Task.WhenAll(names.Select(name => Task.Run(() => ImportAsync(name)))).Within();

        Assert.Equal(names.Order(), _database.Builds.Select(build => build.Package).Order());
        foreach (var build in _database.Builds)
        {
            foreach (var file in build.Files)
            {
                var published = Path.Combine(_configuration.OutputPath, "simple", build.Package, file.Filename);
                Assert.Equal(file.FileHash, HashOf(await File.ReadAllBytesAsync(published)));
            }
        }
    }

    [Fact]
    public async Task An_import_whose_recording_is_in_doubt_is_recorded_once_and_keeps_its_files()
    {
        await AddTargetsAsync();
        var package = PackageName.Parse("spam");
        await _database.AddNewPackageAsync(package);
        await _database.AddNewPackageVersionAsync(new(package, "1.0"));
        var attempts = 0;
        _database.After = method => method == "LogBuild" && attempts++ < 2
            ? Task.FromException(new DatabaseException("the connection is broken", transient: true))
            : Task.CompletedTask;

        await Task.Run(() => ImportAsync("spam")).Within();

        Assert.Equal(3, attempts);
        var build = Assert.Single(_database.Builds);
        Assert.All(build.Files, file =>
            Assert.True(File.Exists(Path.Combine(_configuration.OutputPath, "simple", "spam", file.Filename))));
    }

    private async Task AddTargetsAsync()
    {
        await _database.AddTargetAsync(new("cp311", "linux_armv6l"));
        await _database.AddTargetAsync(new("cp311", "linux_armv7l"));
    }

    private async Task ImportAsync(string name)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_bed.Folder, name)).FullName;
        var files = new[] { "cp311-cp311-linux_armv6l", "cp311-cp311-linux_armv7l" }
            .Select(tags => new WheelMaker(name, "1.0", tags)
                .With($"{name}/data.bin", RandomNumberGenerator.GetBytes(300_000))
                .WriteTo(folder))
            .Select(Describe)
            .ToArray();
        var build = Imports.Build(files) with { Package = name };
        var sender = new FileSender(_bed.Zmq, TimeProvider.System, NullLogger.Instance);
        using var tool = _bed.Zmq.CreateSocket(ZmqSocketType.Req);
        tool.Connect(_configuration.ImportQueue);

        var reply = Ask(tool, new ImportRequest.Import(build));
        while (reply is ImportReply.Send(var filename))
        {
            await sender.SendAsync(_fileQueue, 0, Path.Combine(folder, filename));
            reply = Ask(tool, new ImportRequest.Sent());
        }

        Assert.Equal(new ImportReply.Done("IMPORT"), reply);
    }

    private static FileState Describe(string path)
    {
        var content = File.ReadAllBytes(path);
        return Imports.File(Path.GetFileName(path)) with { FileSize = content.Length, FileHash = HashOf(content) };
    }

    private static string HashOf(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    private static ImportReply Ask(ZmqSocket tool, ImportRequest request)
    {
        var writer = new CborWriter();
        request.Write(writer);
        Assert.True(tool.TrySend(writer.Encode()));
        Assert.True(tool.WaitReadable(Waiting.Limit));
        Assert.True(tool.TryReceive(out var frames));
        return ImportReply.Read(frames[0]);
    }
}
