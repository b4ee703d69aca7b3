using Npgsql;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>A master without an index or slaves: it writes the pages that are owed.</summary>
internal static class WritingMaster
{
    /// <param name="folder">Where its queues are.</param>
    /// <param name="site">Where it publishes; as the folder, the user may write there whom it runs as.</param>
    public static PiwProcess Start(TestDatabase store, string folder, string site) => PiwProcess.StartAsUser(
    [
        "master", "--dev-mode", "--output-path", site, "--dsn", $"{store.UserDsn}",
        // Nobody listens there: what is published is in the database already
        .. new[] { "xmlrpc", "json", "simple" }.SelectMany(each => new[] { $"--pypi-{each}", "http://127.0.0.1:9/" }),
        .. new[] { "status", "control", "import", "log", "slave", "file" }.SelectMany(
            queue => new[] { $"--{queue}-queue", $"ipc://{folder}/{queue}" }),
    ]);

    /// <summary>Lets one run until nothing is owed any more.</summary>
    public static async Task WriteAllAsync(TestDatabase store, string folder, string site)
    {
        await using var master = Start(store, folder, site);
        var ended = master.EndAsync();
        await using var session = await store.OpenAsync();
        await using var isOwed = new NpgsqlCommand("SELECT EXISTS (SELECT FROM rewrites_pending)", session);
        while (await isOwed.ExecuteScalarAsync() is true) Assert.False(ended.IsCompleted, master.Output);
        // The lists of all packages are written at its end at the latest
        master.Signal("TERM");
        Assert.True(await master.EndAsync() == 0, master.Output);
    }
}
