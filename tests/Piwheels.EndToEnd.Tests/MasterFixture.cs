using System.Security.Cryptography;
using Piwheels.Core.Packaging;
using Piwheels.Storage;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>`piw master` on a database of its own, with its outer queues over one transport.</summary>
internal sealed class MasterFixture : IAsyncDisposable
{
    private static readonly string[] Queues = ["status", "control", "import", "log", "slave", "file"];

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("piw-e2e-");
    private readonly Dictionary<string, string> _addresses;
    private PiwProcess? _master;

    private MasterFixture(TestDatabase store, string transport)
    {
        Store = store;
        _addresses = Queues.ToDictionary(queue => queue, queue => transport == "ipc"
            ? $"ipc://{_folder.FullName}/{queue}"
            : $"tcp://127.0.0.1:{FarmFixture.FreePort()}");
        // Others must be able to write in it, the master's user among them
        File.SetUnixFileMode(_folder.FullName, (UnixFileMode)Convert.ToInt32("777", 8));
    }

    public TestDatabase Store { get; }

    public string this[string queue] => _addresses[queue];

    public static async Task<MasterFixture> StartAsync(DatabaseFixture databases, string transport)
    {
        var farm = new MasterFixture(await databases.CreateDatabaseAsync(), transport);
        await using (var database = new Database(farm.Store.UserDsn))
            await database.AddTargetAsync(new Target("cp311", "linux_armv7l"));
        farm._master = PiwProcess.StartAsUser(
        [
            "master", "--dev-mode", "--output-path", Path.Combine(farm._folder.FullName, "www"),
            "--dsn", $"postgresql://piwheels@{Uri.EscapeDataString(farm.Store.UserDsn.Host)}/{farm.Store.UserDsn.Database}",
            // Nobody listens there: no news of an index are wanted
            .. new[] { "xmlrpc", "json", "simple" }.SelectMany(each => new[] { $"--pypi-{each}", "http://127.0.0.1:9/" }),
            .. Queues.SelectMany(queue => new[] { $"--{queue}-queue", farm[queue] }),
        ]);
        return farm;
    }

    public string Wheel() => new WheelMaker("foo", "1.0", "cp311-cp311-linux_armv7l")
        .With("foo/data.bin", RandomNumberGenerator.GetBytes(1_500_000)).WriteTo(_folder.FullName);

    public string Published(string wheel) =>
        Path.Combine(_folder.FullName, "www", "simple", "foo", Path.GetFileName(wheel));

    /// <summary>Waits until something is so; looks again and again, as long as the master runs.</summary>
    public async Task UntilAsync(Func<bool> isSo)
    {
        var ended = _master!.EndAsync();
        while (!isSo()) Assert.False(await Task.WhenAny(ended, Task.Run(Thread.Yield)) == ended, _master.Output);
    }

    public async Task EndAsync()
    {
        _master!.Signal("TERM");
        await EndedAsync();
    }

    public async Task EndedAsync() => Assert.True(await _master!.EndAsync() == 0, _master.Output);

    public async ValueTask DisposeAsync()
    {
        if (_master is not null) await _master.DisposeAsync();
        await Store.DisposeAsync();
        _folder.Delete(recursive: true);
    }
}
