using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Storage;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>`piw target` as people run it: what is known of a target's C library.</summary>
public sealed class TargetTests(DatabaseFixture fixture) : IAsyncLifetime
{
    private TestDatabase _store = null!;

    public async ValueTask InitializeAsync() => _store = await fixture.CreateDatabaseAsync();

    public ValueTask DisposeAsync() => _store.DisposeAsync();

    [Fact]
    public async Task A_targets_library_is_told_and_shown_and_changed_by_adding_it_anew()
    {
        await SaysAsync(0, "Added cp311 on linux_armv7l.", "add", "cp311", "linux_armv7l");
        await SaysAsync(0, "cp311 on linux_armv7l is known already.", "add", "cp311", "linux_armv7l", "--glibc", "2.31");
        await SaysAsync(0, "cp311 on linux_armv7l, glibc 2.31", "list");
        await SaysAsync(0, "Added cp311 on linux_x86_64.", "add", "cp311", "linux_x86_64", "--glibc", "none");

        await using (var database = new Database(_store.UserDsn))
        {
            var (foo, wheel) = (PackageName.Parse("foo"), "foo-1.0-py3-none-any.whl");
            await database.SetUpstreamPolicyAsync(foo, UpstreamPolicy.Defer);
            await database.AddNewPackageAsync(foo);
            await database.AddNewPackageVersionAsync(new Release(foo, "1.0"), DateTimeOffset.UnixEpoch);
            await database.SetUpstreamWheelsAsync(foo, [
                new UpstreamWheel(
                    "1.0", wheel, $"https://files.example/{wheel}", new string('a', 64), null, null, false, false, null,
                    "py3", "none", "any")], 0);
        }

        await SaysAsync(
            1, "piw target: cp311 on linux_armv7l is known already, with C library 2.31: remove it and add it again to change that",
            "add", "cp311", "linux_armv7l", "--glibc", "2.36");
        await SaysAsync(0, "Removed cp311 on linux_armv7l.", "remove", "cp311", "linux_armv7l");
        await SaysAsync(0, "Added cp311 on linux_armv7l.", "add", "cp311", "linux_armv7l", "--glibc", "2.36");
        await SaysAsync(0, "cp311 on linux_armv7l, glibc 2.36", "list");
        await SaysAsync(0, "cp311 on linux_x86_64, glibc none", "list");
    }

    [Theory]
    [InlineData("--glibc goes with add", "list", "--glibc", "2.36")]
    [InlineData("is neither a version like 2.36 nor none", "add", "cp311", "linux_armv7l", "--glibc", "new")]
    [InlineData("is neither a version like 2.36 nor none", "add", "cp311", "linux_armv7l", "--glibc", "2.36.1")]
    [InlineData("name the target by its ABI and platform", "add", "cp311")]
    public async Task Wrong_words_are_told(string told, params string[] words)
    {
        var (exitCode, output) = await TargetAsync(words);
        Assert.Equal(2, exitCode);
        Assert.Contains(told, output, StringComparison.Ordinal);
    }

    private async Task SaysAsync(int code, string line, params string[] words)
    {
        var (exitCode, output) = await TargetAsync(words);
        Assert.True(exitCode == code, output);
        Assert.Contains(line, output.Split('\n'));
    }

    private Task<(int ExitCode, string Output)> TargetAsync(string[] words) =>
        PiwProcess.RunAsync(["target", .. words, "--dsn", _store.UserDsn.ToString()]);
}
