using Piwheels.Core.AccessLog;
using Piwheels.Core.States;
using Piwheels.Logger;
using Piwheels.Logger.Formats;
using Piwheels.Messaging.Protocols;
using Piwheels.Testing;
using Piwheels.Tests.Messaging;
using Piwheels.Tests.Protocols;
using Xunit;

namespace Piwheels.Tests.AccessLog;

/// <summary>Python programs at the other end of the log queue.</summary>
public sealed class LoggerPeerTests
{
    private const string Pip = """pip/23.0.1 {\"cpu\":\"armv7l\",\"installer\":{\"name\":\"pip\",\"version\":\"23.0.1\"}}""";

    [Theory]
    [InlineData("ipc")]
    [InlineData("tcp")]
    public async Task A_master_in_python_is_told_each_hit_in_a_message_of_its_own(string transport)
    {
        await using var farm = new LoggedFarm();
        await using var python = new ZmqPeer();
        var (socket, endpoint) = await python.OpenAsync("PULL", transport == "ipc" ? farm.Queue : "tcp://127.0.0.1:*", bind: true);
        var log = farm.PathOf("access.log");
        LoggedFarm.Append(log, Line("/simple/a/a-1-py3-none-any.whl", Pip) + Line("/simple/a/", Pip) + Line("/project/a/", "curl/8")
            + Line("/project/a/json/", "curl/8") + Line("/", "Mozilla/5.0 (X11; Linux x86_64)") + Line("/static/x.css", "curl/8"));
        farm.Queue = endpoint;
        var run = farm.StartLogger(farm.Reading(log));
        var names = new List<string>();
        AccessState? first = null;
        while (names.Count < 5)
        {
            var frames = await python.ReceiveAsync(socket, Waiting.Limit);
            var message = LogEntry.Read(Assert.Single(Assert.IsType<byte[][]>(frames)));
            names.Add(message.Name);
            first ??= message.Access;
        }

        Assert.True(await run);
        Assert.Equal(["LOGDOWNLOAD", "LOGSEARCH", "LOGPROJECT", "LOGJSON", "LOGPAGE"], names);
        var download = Assert.IsType<DownloadState>(first);
        Assert.Equal(("a-1-py3-none-any.whl", "192.0.2.7", "armv7l"), (download.Filename, download.Host, download.Installer.Arch));
        Assert.Null(await python.ReceiveAsync(socket, TimeSpan.Zero));
    }

    [Fact]
    public async Task A_master_in_python_that_comes_after_one_of_ours_gets_the_rest()
    {
        await using var farm = new LoggedFarm();
        farm.StartMaster();
        var log = farm.PathOf("access.log");
        LoggedFarm.Append(log, LoggedFarm.Lines(0, 5));
        using var stop = new CancellationTokenSource();
        var run = farm.StartLogger(
            farm.Reading(log) with { Follows = true, StateFile = farm.PathOf("state") }, stop.Token);
        await farm.WhenRecordedAsync(5);
        await farm.StopMasterAsync();
        await using var python = new ZmqPeer();
        var (socket, _) = await python.OpenAsync("PULL", farm.Queue, bind: true);
        LoggedFarm.Append(log, LoggedFarm.Lines(5, 1));
        var frames = await python.ReceiveAsync(socket, Waiting.Limit);
        Assert.Equal("pkg000005", Assert.IsType<ProjectState>(LogEntry.Read(frames![0]).Access).Package);
        await stop.CancelAsync();
        Assert.True(await run);
    }

    [Theory]
    [InlineData("ipc")]
    [InlineData("tcp")]
    public async Task A_logger_in_python_is_heard_message_by_message(string transport)
    {
        await using var farm = new LoggedFarm();
        if (transport == "tcp") farm.Queue = "tcp://127.0.0.1:*";
        farm.StartMaster();
        await using var python = new ZmqPeer();
        var (socket, _) = await python.OpenAsync("PUSH", farm.Endpoint);
        var sent = WireVector.All.Where(vector => vector.Queue == "log").ToList();
        Assert.Equal(5, sent.Select(vector => vector.Message).Distinct().Count());
        var now = TimeProvider.System.GetUtcNow();
        var counts = sent.Count(vector => LogEntry.Read(vector.Cbor).Access is var access
            && HostAddress.TryParse(access.Host, out _) && AccessTime.IsPlausible(access.Timestamp, now));
        Assert.True(counts >= 5);
        foreach (var vector in sent) Assert.True(await python.SendAsync(socket, vector.Cbor));
        await farm.WhenRecordedAsync(counts);
        Assert.Equal(counts, farm.Database.Accesses.Count);
    }

    private static string Line(string target, string agent) =>
        LoggedFarm.Line("x").Replace("/project/x/", target, StringComparison.Ordinal).Replace("curl/8", agent, StringComparison.Ordinal);
}
