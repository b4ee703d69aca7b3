using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master;
using Piwheels.Master.Statistics;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Statistics;

public sealed class BigBrotherTests : IAsyncDisposable
{
    private readonly TaskTestbed _bed = new();
    private readonly FakeDatabase _database;
    private readonly Arrivals<StatusMessage> _status = new();
    private readonly Arrivals<SecretaryRequest> _pages = new();
    private readonly ScriptedTask _others;
    private readonly BigBrother _brother;
    private readonly MessageSocket<NoMessages, StatsMessage> _teller;
    private bool _secretaryIsAway;

    public BigBrotherTests()
    {
        _database = new FakeDatabase(_bed.Time);
        var configuration = new MasterConfiguration { OutputPath = _bed.Folder };
        _others = _bed.Task("others");
        var status = _others.Bind<StatusMessage, NoMessages>(ZmqSocketType.Pull, MasterConfiguration.InnerStatusQueue);
        _others.Register(status, _status.Add);
        _others.BindRpc<SecretaryRequest, SecretaryReply>(configuration.WebQueue, async request =>
        {
            if (_secretaryIsAway) throw new RpcException("away", transient: true);
            await _pages.Add(request);
            return new SecretaryReply.Done();
        });
        _teller = _others.Connect<NoMessages, StatsMessage>(ZmqSocketType.Push, configuration.StatsQueue);
        _brother = _bed.Add(new BigBrother(configuration, _bed.Environment, _database));
    }

    public ValueTask DisposeAsync() => _bed.DisposeAsync();

    [Fact]
    public async Task Monitors_hear_the_figures_at_once_and_every_ten_seconds()
    {
        await StartAsync();
        Assert.Equal(_bed.Time.GetUtcNow(), (await NextReport()).Figures.Timestamp);
        for (var round = 0; round < 3; round++)
        {
            await NextCountAsync();
            Assert.Equal(_bed.Time.GetUtcNow(), (await NextReport()).Figures.Timestamp);
            Assert.False(_status.HasMore);
        }
    }

    [Fact]
    public async Task What_other_tasks_tell_is_in_the_next_report()
    {
        await StartAsync();
        await NextReport();
        _others.Post(() =>
        {
            _teller.TrySend(new StatsMessage.Disk(1000, 400));
            _teller.TrySend(new StatsMessage.BuildQueue(new Dictionary<Target, long> { [new("cp311", "any")] = 5 }));
        });
        StatusMessage.Stats report;
        do
        {
            await NextCountAsync();
            report = await NextReport();
        }
        while (report.Figures.BuildsPending.Count == 0);

        Assert.Equal(400, report.Figures.DiskFree);
        Assert.Equal(5, report.Figures.BuildsPending["cp311"]);
    }

    [Fact]
    public async Task A_new_monitor_hears_the_history()
    {
        await StartAsync();
        await NextReport();
        await NextCountAsync();
        await NextReport();
        _brother.ReplayHistory();
        Assert.Equal(_bed.Time.GetUtcNow().AddSeconds(-10), (await NextReport()).Figures.Timestamp);
        Assert.Equal(_bed.Time.GetUtcNow(), (await NextReport()).Figures.Timestamp);
    }

    [Fact]
    public async Task The_home_page_follows_the_figures_but_not_more_than_once_a_minute()
    {
        await StartAsync();
        Assert.IsType<SecretaryRequest.Home>(await _pages.Next());
        await _database.AddNewPackageAsync(PackageName.Parse("foo"));
        await _database.AddNewPackageVersionAsync(new(PackageName.Parse("foo"), "1.0"), _bed.Time.GetUtcNow());
        for (var round = 0; round < 5; round++)
        {
            await NextCountAsync();
            Assert.False(_pages.HasMore);
        }

        await NextCountAsync();
        Assert.IsType<SecretaryRequest.Home>(await _pages.Next());
        for (var round = 0; round < 12; round++) await NextCountAsync();
        Assert.False(_pages.HasMore);
    }

    [Fact]
    public async Task A_home_page_that_could_not_be_asked_for_is_asked_for_again()
    {
        _secretaryIsAway = true;
        await StartAsync();
        await _bed.Log.WhenSaidAsync("refreshing the home page fails");
        _secretaryIsAway = false;
        for (var round = 0; round < 6; round++) await NextCountAsync();
        Assert.IsType<SecretaryRequest.Home>(await _pages.Next());
    }

    [Fact]
    public async Task Reports_go_on_while_the_database_is_away()
    {
        await StartAsync();
        await NextReport();
        _database.Before = _ => throw new DatabaseException("away", transient: true);
        await NextCountAsync();
        Assert.Equal(_bed.Time.GetUtcNow(), (await NextReport()).Figures.Timestamp);
        Assert.True(_bed.Log.Says("does not tell its counts: away"));
    }

    [Fact]
    public async Task A_paused_master_goes_on_telling_its_monitors()
    {
        await StartAsync();
        await NextReport();
        _brother.Pause();
        await NextCountAsync();
        await NextReport();
    }

    private async Task StartAsync()
    {
        _others.Start();
        _brother.Start();
        await SettleAsync();
    }

    private async Task NextCountAsync()
    {
        _bed.Time.Advance(BigBrother.ReportInterval);
        await SettleAsync();
    }

    // What a turn posts to its own thread, and what that posts in turn
    private async Task SettleAsync()
    {
        for (var turn = 0; turn < 3; turn++)
        {
            var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _brother.Post(reached.SetResult);
            await reached.Task.Within();
        }
    }

    private async Task<StatusMessage.Stats> NextReport() => Assert.IsType<StatusMessage.Stats>(await _status.Next());
}
