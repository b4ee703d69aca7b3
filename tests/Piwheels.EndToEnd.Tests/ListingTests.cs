using System.Text.Json;
using System.Text.Json.Nodes;
using Piwheels.Core.Database;
using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Storage;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>What commands list for programs.</summary>
public sealed class ListingTests(DatabaseFixture fixture) : IAsyncLifetime
{
    private static readonly Target Target = new("cp311", "linux_armv7l");

    private static readonly Release Foo = new(PackageName.Parse("foo"), "1.0");

    private TestDatabase _store = null!;

    public async ValueTask InitializeAsync()
    {
        _store = await fixture.CreateDatabaseAsync();
        await using var database = new Database(_store.UserDsn);
        await database.AddTargetAsync(Target);
        await database.AddNewPackageAsync(Foo.Package);
        await database.AddNewPackageVersionAsync(Foo, DateTimeOffset.UnixEpoch);
    }

    public ValueTask DisposeAsync() => _store.DisposeAsync();

    [Fact]
    public async Task Targets()
    {
        Assert.Equal((0, "Changed cp311 on linux_armv7l."), await RunAsync("target", "skip", "cp311", "linux_armv7l", "--reason", "old"));
        await ListsAsync(
            """[{"abi":"cp311","platform":"linux_armv7l","glibc":null,"skip":"old","settled_percent":null,"removed":false}]""",
            "target", "list", "--json");
    }

    [Fact]
    public async Task Policies()
    {
        await using (var database = new Database(_store.UserDsn))
            await database.SetUpstreamPolicyAsync(Foo.Package, UpstreamPolicy.Link);
        await ListsAsync("""{"all":"rebuild","packages":{"foo":"link"},"still_to_read":1}""", "policy", "list", "--json");
        await ListsAsync(
            """{"all":null,"packages":{"bar":"rebuild","foo":"link"},"still_to_read":1}""", "policy", "list", "foo", "bar", "--json");
    }

    [Fact]
    public async Task What_is_tried_again()
    {
        await ListsAsync("[]", "retry", "--json");
        await using (var database = new Database(_store.UserDsn))
        {
            await database.DeferBuildAsync(
                new BuildState(
                    1, Foo.Package.Value, Foo.Version, Target.Abi, false, TimeSpan.FromMinutes(1), "failed\n", [], Target.Platform)
                {
                    Failure = new BuildFailure(FailureClass.Network, "no route to host"),
                },
                [TimeSpan.FromHours(1)]);
        }

        var (exit, output) = await RunAsync("retry", "--json");
        Assert.Equal(0, exit);
        var build = Assert.Single(JsonNode.Parse(output)!.AsArray())!.AsObject();
        Assert.True(build["retry_at"]!.GetValue<DateTimeOffset>() > DateTimeOffset.UnixEpoch);
        build.Remove("retry_at");
        Assert.Contains("no route to host", build["failure"]!.GetValue<string>(), StringComparison.Ordinal);
        build.Remove("failure");
        Equal("""{"package":"foo","version":"1.0","abi":"cp311","platform":"linux_armv7l","attempt":2}""", build);
    }

    [Fact]
    public async Task The_audit_of_the_queue()
    {
        await ListsAsync(
            """{"clean":true,"targets":[{"abi":"cp311","platform":"linux_armv7l","kept":1,"counted":1}],"differences":[]}""",
            "audit", "queue", "--json");
        await _store.RunAsync("DELETE FROM build_queue");
        var (exit, output) = await RunAsync("audit", "queue", "--json");
        Assert.Equal(1, exit);
        Equal(
            """[{"package":"foo","version":"1.0","abi":"cp311","platform":"linux_armv7l","kind":"missing"}]""",
            JsonNode.Parse(output)!["differences"]!);
    }

    private async Task ListsAsync(string expected, params string[] arguments)
    {
        var (exit, output) = await RunAsync(arguments);
        Assert.True(exit == 0, output);
        Equal(expected, JsonNode.Parse(output)!);
    }

    private static void Equal(string expected, JsonNode actual) =>
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), actual), actual.ToJsonString(JsonSerializerOptions.Default));

    private async Task<(int ExitCode, string Output)> RunAsync(params string[] arguments)
    {
        var (exit, output) = await PiwProcess.RunAsync([.. arguments, "--dsn", $"{_store.UserDsn}"]);
        return (exit, output.TrimEnd('\n'));
    }
}
