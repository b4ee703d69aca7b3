using System.Formats.Cbor;
using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Master;
using Piwheels.Master.Packages;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Packages;

/// <summary>The database behind the master's queues.</summary>
public sealed class SeraphTests : IAsyncDisposable
{
    private static readonly PackageName Foo = PackageName.Parse("foo");
    private static readonly PackageName Bar = PackageName.Parse("bar");

    private readonly TaskTestbed _bed = new();
    private readonly FakeDatabase _database;

    public SeraphTests() => _database = new FakeDatabase(_bed.Time);

    public ValueTask DisposeAsync() => _bed.DisposeAsync();

    [Fact]
    public async Task What_is_asked_reaches_the_database_and_the_answer_comes_back()
    {
        var client = Start().Client;
        Assert.True(await client.AddNewPackageAsync(Foo, "", "words").Within());
        Assert.False(await client.AddNewPackageAsync(Foo).Within());
        Assert.Equal("words", await client.GetPackageDescriptionAsync(Foo).Within());
        Assert.Null(await client.GetPackageDescriptionAsync(Bar).Within());
        Assert.Equal([Foo], await client.GetAllPackagesAsync().Within());
    }

    [Fact]
    public async Task A_slow_request_keeps_one_oracle_busy_and_no_other_request_waiting()
    {
        var gate = Hold("GetStatistics");
        var client = Start(oracles: 2).Client;
        var slow = client.GetStatisticsAsync();
        await gate.Reached.Within();
        for (var count = 0; count < 10; count++) Assert.Empty(await client.GetAllPackagesAsync().Within());
        Assert.False(slow.IsCompleted);
        gate.Open();
        Assert.Equal(0, (await slow.Within()).FilesCount);
    }

    [Fact]
    public async Task Requests_wait_while_all_oracles_are_busy()
    {
        var gate = Hold("GetStatistics");
        var client = Start(oracles: 2).Client;
        var slow = new[] { client.GetStatisticsAsync(), client.GetStatisticsAsync() };
        await gate.Reached.Within();
        var waiting = Enumerable.Range(0, 50).Select(_ => client.GetPypiSerialAsync()).ToArray();
        gate.Open();
        Assert.All(await Task.WhenAll(waiting).Within(), serial => Assert.Equal(0, serial));
        await Task.WhenAll(slow).Within();
    }

    [Fact]
    public async Task A_request_that_has_waited_too_long_is_not_done_any_more()
    {
        var gate = Hold("GetStatistics");
        var client = Start(oracles: 1, timeout: 3 * Seraph.WaitLimit).Client;
        var slow = client.GetStatisticsAsync();
        await gate.Reached.Within();
        var answer = new TaskCompletionSource<ReadOnlyMemory<byte>[]>();
        var late = _bed.Task("late");
        var socket = late.ConnectRaw(ZmqSocketType.Dealer, new MasterConfiguration().DbQueue);
        late.Register(socket, readable =>
        {
            if (readable.TryReceive(out var frames)) answer.SetResult(frames);
        });
        late.Start();
        late.Post(() =>
        {
            Assert.True(socket.TrySend(new byte[8], NewPackage(Foo)));
            Assert.True(socket.TrySend(new byte[] { 1 }));
        });

        // What comes after the request on the same socket is there, so the request is
        await _bed.Log.WhenAsync(line => line.Message.Contains("are no request", StringComparison.Ordinal));
        _bed.Time.Advance(Seraph.WaitLimit + TimeSpan.FromSeconds(1));
        gate.Open();
        var frames = await answer.Task.Within();
        Assert.Equal(new byte[8], frames[0].ToArray());
        Assert.Equal([RpcFrames.FailedForNow], frames[1].ToArray());
        await slow.Within();
        Assert.False(await client.TestPackageAsync(Foo).Within());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_fault_of_the_database_reaches_the_one_who_asked_and_the_oracle_goes_on(bool transient)
    {
        _database.Before = method => method == "GetPypiSerial"
            ? Task.FromException(new DatabaseException("it burns", transient))
            : Task.CompletedTask;
        var queues = Start(oracles: 1);
        var fault = await Assert.ThrowsAsync<DatabaseException>(() => queues.Client.GetPypiSerialAsync().Within());
        Assert.Equal("it burns", fault.Message);
        Assert.Equal(transient, fault.Transient);
        Assert.Empty(await queues.Client.GetAllPackagesAsync().Within());
        Assert.DoesNotContain(queues.Tasks, task => task.Completion.IsCompleted);
        Assert.Contains(_bed.Log.Entries, line =>
            line.Category == "master.the_oracle_1" && (transient
                ? line.Level == LogLevel.Debug && line.Message.Contains("it burns", StringComparison.Ordinal)
                : line.Level == LogLevel.Warning && line.Exception is not null));
    }

    [Fact]
    public async Task What_fails_for_now_is_asked_again_until_it_works()
    {
        var failures = 0;
        _database.Before = _ => failures++ < 4 ? Task.FromException(Away) : Task.CompletedTask;
        var queues = Start(patient: true);
        var asked = queues.Client.AddNewPackageAsync(Foo);
        await WaitOutAsync(queues, asked);
        Assert.True(await asked);
        Assert.Equal(5, failures);
    }

    [Fact]
    public async Task An_answer_that_was_lost_records_nothing_twice()
    {
        var answers = 0;
        _database.After = method => method == "LogBuild" && answers++ < 3 ? Task.FromException(Away) : Task.CompletedTask;
        var queues = Start(patient: true);
        await _database.AddTargetAsync(new Target("cp311", "linux_armv7l"));
        await _database.AddNewPackageAsync(Foo);
        await _database.AddNewPackageVersionAsync(new Release(Foo, "1.0"));
        var asked = queues.Client.LogBuildAsync(
            new BuildState(3, "foo", "1.0", "cp311", false, TimeSpan.Zero, "", [], "linux_armv7l"));
        await WaitOutAsync(queues, asked);
        Assert.Equal(Assert.Single(_database.Builds).BuildId, await asked);
        Assert.Equal(4, answers);
    }

    [Fact]
    public async Task Patience_has_an_end()
    {
        _database.Before = _ => Task.FromException(Away);
        var queues = Start(patient: true);
        var since = _bed.Time.GetUtcNow();
        var asked = queues.Client.GetPypiSerialAsync();
        await WaitOutAsync(queues, asked);
        Assert.True((await Assert.ThrowsAsync<DatabaseException>(() => asked)).Transient);
        Assert.InRange(_bed.Time.GetUtcNow() - since, DbClient.Patience - DbClient.PauseMax, DbClient.Patience);
    }

    [Fact]
    public async Task Who_ends_waits_no_more()
    {
        _database.Before = _ => Task.FromException(Away);
        var queues = Start(patient: true);
        var asked = queues.Client.GetPypiSerialAsync();
        await _bed.Log.WhenSaidAsync("failed for now");
        await queues.Tasks[^1].DisposeAsync();
        Assert.True((await Assert.ThrowsAsync<DatabaseException>(() => asked.Within())).Transient);
    }

    [Fact]
    public async Task What_is_refused_for_good_is_not_asked_again()
    {
        var asked = 0;
        _database.Before = _ =>
        {
            asked++;
            return Task.FromException(new DatabaseException("no such package", transient: false));
        };
        await Assert.ThrowsAsync<DatabaseException>(() => Start(patient: true).Client.GetPypiSerialAsync().Within());
        Assert.Equal(1, asked);
    }

    [Fact]
    public async Task A_bug_in_the_database_class_is_a_fault_for_good_and_the_oracle_goes_on()
    {
        _database.Before = method => method == "GetPypiSerial"
            ? Task.FromException(new InvalidOperationException("a bug"))
            : Task.CompletedTask;
        var client = Start(oracles: 1).Client;
        var fault = await Assert.ThrowsAsync<DatabaseException>(() => client.GetPypiSerialAsync().Within());
        Assert.False(fault.Transient);
        Assert.Empty(await client.GetAllPackagesAsync().Within());
    }

    [Fact]
    public async Task An_oracle_that_has_ended_gets_no_more_requests()
    {
        var queues = Start(oracles: 2);
        await queues.Client.GetPypiSerialAsync().Within();
        await queues.Tasks[1].DisposeAsync();
        for (var count = 0; count < 10; count++) Assert.Equal(0, await queues.Client.GetPypiSerialAsync().Within());
    }

    [Fact]
    public async Task Without_an_oracle_left_a_request_is_refused_for_now()
    {
        var queues = Start(oracles: 1);
        await queues.Client.GetPypiSerialAsync().Within();
        await queues.Tasks[1].DisposeAsync();
        var fault = await Assert.ThrowsAsync<DatabaseException>(() => queues.Client.GetPypiSerialAsync().Within());
        Assert.True(fault.Transient);
    }

    [Fact]
    public async Task A_build_is_recorded_with_its_platform_and_without_its_log()
    {
        var client = Start().Client;
        await _database.AddTargetAsync(new Target("cp311", "linux_armv7l"));
        await _database.AddNewPackageAsync(Foo);
        await _database.AddNewPackageVersionAsync(new Release(Foo, "1.0"));
        var build = new BuildState(
            3, "foo", "1.0", "cp311", false, TimeSpan.FromSeconds(1.5), "a long log", [], "linux_armv7l");
        var id = await client.LogBuildAsync(build).Within();
        var recorded = Assert.Single(_database.Builds);
        Assert.Equal(build with { Output = "", BuildId = id, Files = recorded.Files }, recorded);
    }

    [Fact]
    public async Task Frames_that_are_no_request_are_dropped_and_logged()
    {
        var client = Start().Client;
        var stranger = _bed.Task("stranger");
        var socket = stranger.ConnectRaw(ZmqSocketType.Dealer, new MasterConfiguration().DbQueue);
        stranger.Start();
        stranger.Post(() =>
        {
            Assert.True(socket.TrySend(new byte[] { 1 }));
            Assert.True(socket.TrySend(new byte[] { 1 }, new byte[] { 2 }, new byte[] { 3 }, new byte[] { 4 }));
            Assert.True(socket.TrySend(new byte[8], new byte[] { 0xff }));
        });
        await _bed.Log.WhenAsync(line => line.Category == "master.seraph" && line.Level == LogLevel.Warning);
        await _bed.Log.WhenAsync(line => line.Category.StartsWith("master.the_oracle_", StringComparison.Ordinal) &&
            line.Level == LogLevel.Warning);
        Assert.Equal(0, await client.GetPypiSerialAsync().Within());
    }

    [Fact]
    public async Task Many_clients_are_served_at_once()
    {
        var queues = Start();
        var clients = Enumerable.Range(0, 8).Select(number =>
        {
            var task = _bed.Task($"client_{number}");
            var client = new DbClient(task.ConnectRpc<DbRequest, DbReply>(new MasterConfiguration().DbQueue));
            task.Start();
            return client;
        }).ToArray();
        var names = Enumerable.Range(0, 400).Select(number => PackageName.Parse($"package-{number}")).ToArray();
        var added = await Task.WhenAll(names.Select((name, at) => clients[at % 8].AddNewPackageAsync(name))).Within();
        Assert.DoesNotContain(false, added);
        Assert.Equal(names.Length, (await queues.Client.GetAllPackagesAsync().Within()).Count);
    }

    private static DatabaseException Away => new("the database is away", transient: true);

    private DatabaseQueues Start(int oracles = 3, TimeSpan? timeout = null, bool patient = false) =>
        _bed.Add(new DatabaseQueues(
            _database, _bed.Environment, oracles: oracles, timeout: timeout, patient: patient));

    /// <summary>
    /// Moves the clock on in small steps until a request has its answer; in each step every task has a turn, so that the
    /// clock runs away from none.
    /// </summary>
    private async Task WaitOutAsync(DatabaseQueues queues, Task asked)
    {
        while (!asked.IsCompleted)
        {
            foreach (var task in queues.Tasks.Concat(queues.Tasks)) await TurnAsync(task);
            _bed.Time.Advance(TimeSpan.FromMilliseconds(25));
        }
    }

    private static Task TurnAsync(TaskLoop task)
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        task.Post(() => task.Post(reached.SetResult));
        return reached.Task.Within();
    }

    /// <summary>Holds a call until the gate is opened.</summary>
    private Gate Hold(string method)
    {
        var gate = new Gate();
        _database.Before = called => called == method ? gate.PassAsync() : Task.CompletedTask;
        return gate;
    }

    private static byte[] NewPackage(PackageName package)
    {
        var writer = new CborWriter();
        new DbRequest.AddNewPackage(package, "", "", null).Write(writer);
        return writer.Encode();
    }

    private sealed class Gate
    {
        private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Reached => _reached.Task;

        public void Open() => _open.SetResult();

        public Task PassAsync()
        {
            _reached.TrySetResult();
            return _open.Task;
        }
    }
}
