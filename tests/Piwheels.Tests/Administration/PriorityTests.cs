using System.Formats.Cbor;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Master;
using Piwheels.Master.Administration;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Administration;

/// <summary>MrChase has things built first for a tool on a real socket; the database is one in memory.</summary>
public sealed class PriorityTests : IAsyncDisposable
{
    private static readonly PackageName Bar = PackageName.Parse("bar");
    private static readonly PackageName Foo = PackageName.Parse("foo");
    private static readonly Target Cp311 = new("cp311", "linux_armv7l");
    private static readonly DateTimeOffset LongAgo = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly TaskTestbed _bed = new();
    private readonly FakeDatabase _database;
    private readonly MrChase _chase;
    private readonly ZmqSocket _tool;

    public PriorityTests()
    {
        _database = new FakeDatabase(_bed.Time);
        var configuration = new MasterConfiguration { ImportQueue = _bed.Ipc("import"), OutputPath = _bed.Folder };
        var others = _bed.Task("others");
        others.BindRpc<SecretaryRequest, SecretaryReply>(
            configuration.WebQueue, _ => Task.FromResult<SecretaryReply>(new SecretaryReply.Done()));
        others.BindRpc<SkipRequest, SkipReply>(
            MasterConfiguration.SkipQueue, _ => Task.FromResult<SkipReply>(new SkipReply.Ok()));
        others.BindRpc<FsRequest, FsReply>(
            configuration.FsQueue, _ => Task.FromResult<FsReply>(new FsReply.Ok()));
        others.Start();
        _chase = _bed.Add(new MrChase(configuration, _bed.Environment, _database));
        _chase.Start();
        _tool = _bed.Zmq.CreateSocket(ZmqSocketType.Req);
        _tool.Connect(configuration.ImportQueue);
    }

    public ValueTask DisposeAsync()
    {
        _tool.Dispose();
        return _bed.DisposeAsync();
    }

    [Fact]
    public async Task The_newest_version_that_waits_goes_first()
    {
        await AddAsync();
        Assert.Equal("RAISED 2.0: 1", Ask(new ImportRequest.Priority("Foo", null, false)));
        Assert.Equal("foo 2.0, bar 1.0, foo 1.0", await QueueAsync());
        Assert.Contains(_bed.Log.Entries, entry => entry.Message.Contains("foo 2.0 goes first", StringComparison.Ordinal));
        Assert.Equal("RAISED 2.0: 0", Ask(new ImportRequest.Priority("foo", null, false)));
    }

    [Fact]
    public async Task Clauses_choose_and_a_version_can_be_named()
    {
        await AddAsync();
        Assert.Equal("RAISED 1.0: 1", Ask(new ImportRequest.Priority("foo<2; python_version>='3'", null, false)));
        Assert.Equal("foo 1.0, bar 1.0, foo 2.0", await QueueAsync());
        Assert.Equal("RAISED 2.0: 1", Ask(new ImportRequest.Priority("foo", "2", false)));
        Assert.Equal("foo 1.0, foo 2.0, bar 1.0", await QueueAsync());
    }

    [Fact]
    public async Task All_that_wait_can_be_meant()
    {
        await AddAsync();
        Assert.Equal("RAISED 2.0, 1.0: 2", Ask(new ImportRequest.Priority("foo", null, true)));
        Assert.Equal("foo 1.0, foo 2.0, bar 1.0", await QueueAsync());
    }

    [Fact]
    public async Task What_is_built_and_what_is_for_other_machines_needs_no_turn()
    {
        await AddAsync();
        await _database.LogBuildAsync(
            new BuildState(1, "bar", "1.0", "cp311", true, TimeSpan.FromSeconds(1), "", [
                Imports.File("bar-1.0-py3-none-any.whl")], "linux_armv7l"));
        Assert.Equal("DONE BUILT", Ask(new ImportRequest.Priority("bar", null, false)));
        Assert.Equal("DONE BUILT", Ask(new ImportRequest.Priority("bar", "1.0", false)));
        Assert.Equal("DONE ELSEWHERE", Ask(new ImportRequest.Priority("foo; os_name == 'nt'", null, false)));
        Assert.Equal("foo 1.0, foo 2.0", await QueueAsync());
    }

    [Theory]
    [InlineData("baz", null, false, "NOPKG")]
    [InlineData("foo", "3.0", false, "NOVER")]
    [InlineData("foo>3", null, false, "no version of foo here satisfies >3")]
    [InlineData("", null, false, "'' is not a requirement")]
    [InlineData("foo bar", null, false, "'foo bar' is not a requirement")]
    [InlineData("-foo", null, false, "'-foo' is not a requirement")]
    [InlineData("foo\nbar", null, false, "'foo?bar' is not a requirement")]
    [InlineData("foo @ https://example.org/foo.zip", null, false, "names a URL")]
    [InlineData("foo", "", false, "'' is not a version")]
    [InlineData("foo", "1 0", false, "'1 0' is not a version")]
    [InlineData("foo", "1.0\u0007", false, "'1.0?' is not a version")]
    [InlineData("foo>1", "1.0", false, "name one version, or clauses, or all")]
    [InlineData("foo", "1.0", true, "name one version, or clauses, or all")]
    public async Task What_cannot_be_done_is_told_in_words_and_nothing_moves(
        string requirement, string? version, bool all, string words)
    {
        await AddAsync();
        var reply = Ask(new ImportRequest.Priority(requirement, version, all));
        Assert.StartsWith("ERROR ", reply, StringComparison.Ordinal);
        Assert.Contains(words, reply, StringComparison.Ordinal);
        Assert.Equal("bar 1.0, foo 1.0, foo 2.0", await QueueAsync());
    }

    [Fact]
    public async Task Names_that_are_too_long_are_refused_before_they_reach_the_database()
    {
        await AddAsync();
        _database.Before = _ => throw new InvalidOperationException("it was asked");
        Assert.Contains(
            "is not a requirement", Ask(new ImportRequest.Priority(new string('x', 201), null, false)), StringComparison.Ordinal);
        Assert.Contains(
            "is not a version", Ask(new ImportRequest.Priority("foo", new string('1', 201), false)), StringComparison.Ordinal);
        Assert.Contains(
            "at most 1000 are taken", Ask(new ImportRequest.Priority("foo", new string('1', 1001), false)), StringComparison.Ordinal);
        Assert.Contains(
            "at most 10000 are taken", Ask(new ImportRequest.Priority(new string('x', 10_001), null, false)), StringComparison.Ordinal);
        _database.Before = _ => Task.CompletedTask;
        Assert.Equal("RAISED 2.0: 1", Ask(new ImportRequest.Priority("foo", null, false)));
    }

    [Theory]
    [InlineData("no data", "685052494f52495459")]
    [InlineData("null for data", "82685052494f52495459f6")]
    [InlineData("a text for data", "82685052494f5249545963666f6f")]
    [InlineData("a field too few", "82685052494f524954598263666f6ff6")]
    [InlineData("a field too many", "82685052494f524954598463666f6ff6f4f4")]
    [InlineData("a number for the requirement", "82685052494f524954598301f6f4")]
    [InlineData("null for the requirement", "82685052494f5249545983f6f6f4")]
    [InlineData("a list for the version", "82685052494f524954598363666f6f80f4")]
    [InlineData("a number for the flag", "82685052494f524954598363666f6ff601")]
    [InlineData("NUL in the requirement", "82685052494f524954598364666f6f00f6f4")]
    [InlineData("bytes after the end", "82685052494f524954598363666f6ff6f400")]
    [InlineData("an array cut short", "82685052494f524954598363666f6f")]
    public async Task Nonsense_is_answered_with_words_and_the_next_request_is_served(string what, string cbor)
    {
        await AddAsync();
        Assert.True(_tool.TrySend(Convert.FromHexString(cbor)));
        var reply = Reply();
        Assert.True(reply.StartsWith("ERROR ", StringComparison.Ordinal), $"{what}: {reply}");
        Assert.Equal("bar 1.0, foo 1.0, foo 2.0", await QueueAsync());
        Assert.Equal("RAISED 2.0: 1", Ask(new ImportRequest.Priority("foo", null, false)));
        Assert.False(_chase.Completion.IsCompleted);
    }

    [Fact]
    public async Task A_database_that_is_away_is_told_to_the_tool()
    {
        await AddAsync();
        _database.Before = method => method == "RaisePriority"
            ? throw new DatabaseException("the database is away", transient: true)
            : Task.CompletedTask;
        Assert.Equal("ERROR the database is away", Ask(new ImportRequest.Priority("foo", null, false)));
        _database.Before = _ => Task.CompletedTask;
        Assert.Equal("RAISED 2.0: 1", Ask(new ImportRequest.Priority("foo", null, false)));
    }

    private async Task AddAsync()
    {
        await _database.AddTargetAsync(Cp311);
        foreach (var release in new Release[] { new(Bar, "1.0"), new(Foo, "1.0"), new(Foo, "2.0") })
        {
            await _database.AddNewPackageAsync(release.Package);
            await _database.AddNewPackageVersionAsync(release, LongAgo);
        }
    }

    private async Task<string> QueueAsync() => string.Join(", ", (await _database.GetBuildQueueAsync())[Cp311]);

    private string Ask(ImportRequest request)
    {
        var writer = new CborWriter();
        request.Write(writer);
        Assert.True(_tool.TrySend(writer.Encode()));
        return Reply();
    }

    private string Reply()
    {
        Assert.True(_tool.WaitReadable(Waiting.Limit));
        Assert.True(_tool.TryReceive(out var frames));
        return ImportReply.Read(frames[0]) switch
        {
            ImportReply.Raised(var versions, var rows) => $"RAISED {string.Join(", ", versions)}: {rows}",
            ImportReply.Done(var what) => $"DONE {what}",
            ImportReply.Error(var message) => $"ERROR {message}",
            var other => other.Name,
        };
    }
}
