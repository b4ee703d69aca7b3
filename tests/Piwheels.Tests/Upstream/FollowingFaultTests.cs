using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Piwheels.Master.Upstream;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Upstream;

/// <summary>Following the change log past every fault of the index: none ends it, and none is left in the rows.</summary>
public sealed class FollowingFaultTests : IAsyncLifetime
{
    private const string Log = "/pypi";
    private const string Facts = "/pypi/foo/json";
    private const string Json = "application/json";
    private const string Xml = "text/xml";
    private const string Bomb = "<!DOCTYPE b [<!ENTITY a \"aaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>";

    /// <summary>Real waits are short ones: an index that never answers is given up soon.</summary>
    private static readonly UpstreamLimits Limits = StandInBed.Unpaced with
    {
        PageTimeout = TimeSpan.FromSeconds(3),
        ChangelogTimeout = TimeSpan.FromSeconds(3),
    };

    private static readonly Dictionary<string, Func<IndexFaults, string, Func<HttpContext, Task>>> Faults = new()
    {
        ["429"] = (_, _) => IndexFaults.Status(429, "7"),
        ["500"] = (_, _) => IndexFaults.Status(500),
        ["404"] = (_, _) => IndexFaults.Status(404),
        ["a login page"] = (_, _) => IndexFaults.Body("text/html", "<html><body>Who are you?</body></html>"),
        ["garbage"] = (_, type) => IndexFaults.Body(type, "\0\u0001\u0002 garbage <<{{"),
        ["nothing"] = (_, type) => IndexFaults.Body(type, ""),
        ["half a body"] = (_, type) => IndexFaults.HalfABody(
            type, type == Json ? "{\"info\": {\"summary\": \"half\"}}" : "<methodResponse><params></params></methodResponse>"),
        ["an XML bomb"] = (_, type) => IndexFaults.Body(
            type, $"{Bomb}<methodResponse><params><param><value><string>&b;</string></value></param></params></methodResponse>"),
        ["a fault"] = (_, _) => IndexFaults.XmlRpcFault(-32500, "RuntimeError: no"),
        ["never"] = (faults, _) => faults.NeverAnswers(),
        ["100 MB"] = (_, type) => IndexFaults.Endless(
            type,
            type == Json ? "{\"info\": {\"summary\": \"" : "<methodResponse><params><param><value><string>",
            100L << 20),
        ["a circle"] = (_, _) => IndexFaults.Redirect(302, Facts),
    };

    private StandInBed _bed = null!;

    public static TheoryData<string> Names => [.. Faults.Keys];

    public async ValueTask InitializeAsync() => _bed = await StandInBed.StartAsync(
        folder =>
        {
            folder.AddSdist("foo", "1.0", null, "A foo");
            folder.AddSdist("bar", "1.0", null, "A bar");
        },
        Limits);

    public async ValueTask DisposeAsync() => await _bed.DisposeAsync();

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_change_log_that_fails_is_waited_for(string fault)
    {
        _bed.Faults.Spoil(Log, Faults[fault](_bed.Faults, Xml), times: 2);
        var following = new Following(_bed);
        await following.FollowAsync();
        Assert.Empty(await RowsAsync(following));
        var said = Assert.Single(following.Log.Entries, line => line.Level >= LogLevel.Warning);
        Assert.Equal(LogLevel.Warning, said.Level);
        Assert.StartsWith("the change log: ", said.Message, StringComparison.Ordinal);
        // Not before its time
        await following.FollowAsync();
        Assert.Equal(1, _bed.Asked(Log));

        for (var tries = 0; tries < 3; tries++) await following.LaterAsync();
        Assert.Equal(["bar A bar 1.0", "foo A foo 1.0"], await RowsAsync(following));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_page_that_fails_for_good_costs_a_description_and_nothing_else(string fault)
    {
        // Too many requests are the whole index's word, and would be waited for without an end
        _bed.Faults.Spoil(Facts, Faults[fault](_bed.Faults, Json), times: fault == "429" ? 6 : int.MaxValue);
        var following = new Following(_bed);
        for (var tries = 0; tries < 8; tries++) await following.LaterAsync();
        Assert.Equal(
            ["bar A bar 1.0", fault == "429" ? "foo A foo 1.0" : "foo  1.0"], await RowsAsync(following));
        Assert.Equal(_bed.Index.Catalog.LastSerial - 1, await following.Database.GetPypiSerialAsync());
        Assert.DoesNotContain(following.Log.Entries, line => line.Level > LogLevel.Warning);
        Assert.InRange(_bed.Asked(Facts), 1, 8);
    }

    /// <summary>Each package with its description and versions.</summary>
    private static async Task<IReadOnlyList<string>> RowsAsync(Following following)
    {
        var rows = new List<string>();
        foreach (var package in (await following.Database.GetAllPackagesAsync()).Order())
        {
            var data = await following.ProjectAsync(package);
            rows.Add($"{package} {data.Description} {string.Join(' ', data.Versions.Select(v => v.Version))}");
        }

        return rows;
    }
}
