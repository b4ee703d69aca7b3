using System.Text.Json;
using Piwheels.Core.Packaging;
using Piwheels.Storage;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>`piw status` of a real master.</summary>
public sealed class StatusTests(DatabaseFixture databases)
{
    [Fact]
    public async Task A_master_tells_how_the_farm_is_and_what_is_wrong_with_it()
    {
        await using var store = await databases.CreateDatabaseAsync();
        var folder = Directory.CreateTempSubdirectory("piw-e2e-");
        folder.UnixFileMode = (UnixFileMode)0b111_111_111;
        await using (var master = WritingMaster.Start(store, folder.FullName, Path.Combine(folder.FullName, "www")))
        {
            var (exit, output) = await StatusAsync(folder, "--wait", "1m");
            Assert.True(exit == 0, output);
            Assert.StartsWith("master     up for ", output, StringComparison.Ordinal);
            Assert.Contains("\nslaves     none\nqueue      nothing is built for\n", output, StringComparison.Ordinal);
            Assert.EndsWith("\nhealth     nothing is wrong\n", output, StringComparison.Ordinal);

            await using (var database = new Database(store.UserDsn))
            {
                await database.AddTargetAsync(new Target("cp311", "linux_armv7l"));
                var package = PackageName.Parse("foo");
                await database.AddNewPackageAsync(package);
                await database.AddNewPackageVersionAsync(new Release(package, "1.0"));
            }

            (exit, output) = await StatusAsync(folder);
            Assert.Equal(1, exit);
            Assert.Contains("\nqueue      1 for cp311 on linux_armv7l\n", output, StringComparison.Ordinal);
            Assert.EndsWith("\nwrong      builds wait, and there is no slave\n", output, StringComparison.Ordinal);
            (exit, output) = await StatusAsync(folder, "--json");
            Assert.Equal(1, exit);
            using var document = JsonDocument.Parse(output);
            Assert.False(document.RootElement.GetProperty("healthy").GetBoolean());
            var waiting = Assert.Single(document.RootElement.GetProperty("queue").EnumerateArray());
            Assert.Equal(
                ("cp311", "linux_armv7l", 1),
                (waiting.GetProperty("abi").GetString(), waiting.GetProperty("platform").GetString(),
                    waiting.GetProperty("waiting").GetInt64()));
            Assert.Empty(document.RootElement.GetProperty("slaves").EnumerateObject());
            master.Signal("TERM");
            Assert.Equal(0, await master.EndAsync());
        }

        var (code, said) = await StatusAsync(folder, "--wait", "200ms");
        Assert.Equal(1, code);
        Assert.Contains("no master answered at ", Assert.Single(said.TrimEnd('\n').Split('\n')), StringComparison.Ordinal);
        folder.Delete(recursive: true);
    }

    private static Task<(int ExitCode, string Output)> StatusAsync(DirectoryInfo folder, params string[] arguments) =>
        PiwProcess.RunAsync(["status", "--import-queue", $"ipc://{folder}/import", .. arguments]);
}
