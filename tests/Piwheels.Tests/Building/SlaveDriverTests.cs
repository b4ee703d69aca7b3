using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master.Building;
using Piwheels.Master.Packages;
using Piwheels.Messaging.Protocols;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Building;

public sealed class SlaveDriverTests
{
    private static readonly SlaveRequest Hello = new SlaveRequest.Hello(Slaves.Hello);
    private static readonly SlaveRequest Idle = new SlaveRequest.Idle(Slaves.Stats);
    private static readonly SlaveRequest Busy = new SlaveRequest.Busy(Slaves.Stats);
    private static readonly SlaveRequest Sent = new SlaveRequest.Sent();

    [Fact]
    public async Task A_good_build_is_fetched_verified_recorded_and_published()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = await farm.BuildingSlaveAsync();
        var (path, state) = farm.Wheel();

        slave.AssertReply<SlaveReply.Cont>(Busy);
        Assert.Equal(new SlaveReply.Send(state.Filename), slave.Ask(Slaves.Built(state)));
        await farm.SendAsync(1, path);
        slave.AssertReply<SlaveReply.Done>(Sent);

        var build = Assert.Single(farm.Database.Builds);
        Assert.True(build.Status);
        Assert.Equal([state.Filename], build.Files.Select(file => file.Filename));
        Assert.Equal(new SecretaryRequest.Log(build.BuildId!.Value, Slaves.Numpy.Package, "Successfully built\n"),
            await farm.Pages.NextAsync());
        Assert.Equal(
            new SecretaryRequest.Owed(Slaves.Numpy.Package, RewriteCommand.Both), await farm.Pages.NextAsync());
        Assert.Equal([$"simple/numpy/{state.Filename}", $"simple/numpy/{state.Filename}.metadata"], farm.OutputFiles());
        Assert.Equal(
            await File.ReadAllBytesAsync(path),
            await File.ReadAllBytesAsync(farm.Output($"simple/numpy/{state.Filename}")));
        slave.AssertReply<SlaveReply.Sleep>(Idle);
    }

    [Fact]
    public async Task A_failed_build_is_recorded_with_its_log_and_page()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = await farm.BuildingSlaveAsync();

        slave.AssertReply<SlaveReply.Done>(Slaves.Failed());

        Assert.False(Assert.Single(farm.Database.Builds).Status);
        Assert.IsType<SecretaryRequest.Log>(await farm.Pages.NextAsync());
        Assert.Equal(
            new SecretaryRequest.Owed(Slaves.Numpy.Package, RewriteCommand.Project), await farm.Pages.NextAsync());
    }

    [Fact]
    public async Task Monitors_hear_of_each_step()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = await farm.BuildingSlaveAsync();
        slave.AssertReply<SlaveReply.Cont>(Busy);
        slave.AssertReply<SlaveReply.Done>(Slaves.Failed());
        slave.Say(new SlaveRequest.Bye());

        await AssertHeard(farm, "HELLO", "STATS", "BUILD", "STATS", "DONE", "DIE");
    }

    [Fact]
    public async Task A_monitor_that_comes_later_is_told_of_all_slaves()
    {
        await using var farm = await FarmBench.StartAsync();
        using var building = await farm.BuildingSlaveAsync();
        using var other = farm.Slave();
        other.Ask(Hello);
        await AssertHeard(farm, "HELLO", "STATS", "BUILD", "HELLO");

        farm.Driver.ListSlaves();

        await AssertHeard(farm, "HELLO", "STATS", "BUILD", "HELLO");
    }

    [Fact]
    public async Task A_slave_of_an_unknown_target_sleeps_and_the_log_says_once_what_would_help()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = farm.Slave();
        slave.Ask(new SlaveRequest.Hello(Slaves.Hello with { Abi = "cp399" }));

        for (var i = 0; i < 3; i++) Assert.Equal(new SlaveReply.Sleep(Paused: false), slave.Ask(Idle));

        await farm.Log.WhenAsync(line => line.Message.Contains("add cp399 linux_armv7l", StringComparison.Ordinal));
        Assert.Single(farm.Log.Entries, line => line.Message.Contains("cp399 linux_armv7l", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_target_that_is_added_later_is_noticed()
    {
        await using var farm = await FarmBench.StartAsync();
        var target = new Target("cp399", "linux_armv7l");
        await farm.Database.AddTargetAsync(target);
        farm.Bed.Time.Advance(SlaveDriver.TargetsInterval);
        await farm.PushAsync();

        using var slave = farm.Slave();
        slave.Ask(new SlaveRequest.Hello(Slaves.Hello with { Abi = "cp399" }));
        slave.AssertReply<SlaveReply.Sleep>(Idle);

        Assert.DoesNotContain(farm.Log.Entries, line => line.Message.Contains("add cp399", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_paused_master_gives_no_work_and_goes_on_answering()
    {
        await using var farm = await FarmBench.StartAsync();
        await farm.PushAsync(Slaves.Numpy);
        using var slave = farm.Slave();
        slave.Ask(Hello);

        farm.Driver.Pause();
        await OrdersTaken(farm);
        Assert.Equal(new SlaveReply.Sleep(Paused: true), slave.Ask(Idle));
        farm.Driver.Resume();
        await OrdersTaken(farm);
        slave.AssertReply<SlaveReply.Build>(Idle);
    }

    [Fact]
    public async Task Who_has_not_said_hello_is_not_answered_and_logged_once()
    {
        await using var farm = await FarmBench.StartAsync();
        using var stranger = farm.Slave(dealer: true);

        SlaveRequest[] requests = [Idle, Busy, Sent, Slaves.Failed(), new SlaveRequest.Bye()];
        foreach (var request in requests) stranger.Say(request);

        Assert.IsType<SlaveReply.Ack>(stranger.Ask(Hello));
        Assert.Single(farm.Log.Entries, line => line.Message.Contains("has not said HELLO", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Each_run_numbers_its_slaves_from_one_and_tells_them_the_index()
    {
        await using var farm = await FarmBench.StartAsync();
        using var first = farm.Slave();
        using var second = farm.Slave();

        Assert.Equal(new SlaveReply.Ack(1, "https://pypi.org/simple"), first.Ask(Hello));
        Assert.Equal(new SlaveReply.Ack(2, "https://pypi.org/simple"), second.Ask(Hello));
    }

    [Fact]
    public async Task A_hello_that_names_no_target_is_told_to_die()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = farm.Slave();

        slave.AssertReply<SlaveReply.Die>(new SlaveRequest.Hello(Slaves.Hello with { Abi = "../../etc" }));
        slave.AssertReply<SlaveReply.Ack>(Hello);
    }

    [Fact]
    public async Task What_is_no_message_is_answered_by_die_and_its_build_is_lost()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = await farm.BuildingSlaveAsync();

        slave.Say("\u0082eBUILT"u8.ToArray());
        Assert.IsType<SlaveReply.Die>(slave.Hear());
        slave.AssertReply<SlaveReply.Die>(Idle);

        Assert.Empty(farm.Database.Builds);
        using var next = farm.Slave();
        next.Ask(Hello);
        next.AssertReply<SlaveReply.Sleep>(Idle);
        farm.Bed.Time.Advance(PendingBuilds.LostPauseMin);
        next.AssertReply<SlaveReply.Build>(Idle);
    }

    [Fact]
    public async Task Odd_frames_do_not_stop_the_master()
    {
        await using var farm = await FarmBench.StartAsync();
        using var stranger = farm.Slave(dealer: true);
        stranger.SayFrames(new byte[] { 1 });
        stranger.SayFrames(Array.Empty<byte>());
        stranger.SayFrames(Array.Empty<byte>(), Array.Empty<byte>());
        stranger.SayFrames(new byte[] { 1 }, new byte[] { 2 }, new byte[] { 3 });
        stranger.SayFrames([.. Enumerable.Range(0, 50).Select(i => (ReadOnlyMemory<byte>)new byte[] { (byte)i })]);

        using var slave = farm.Slave();
        slave.AssertReply<SlaveReply.Ack>(Hello);
    }

    [Fact]
    public async Task While_the_database_is_away_a_slave_waits_and_the_others_are_served()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = await farm.BuildingSlaveAsync();
        farm.Database.Before = Away;
        slave.Say(Slaves.Failed());
        await farm.Log.WhenAsync(line => line.Message.Contains("waits for the database", StringComparison.Ordinal));
        await farm.SettleAsync();

        using var other = farm.Slave();
        other.AssertReply<SlaveReply.Ack>(Hello);
        Assert.False(slave.HasReply);
        farm.Database.Before = _ => Task.CompletedTask;
        farm.Bed.Time.Advance(RecordingClient.RetryPauseMin);

        Assert.IsType<SlaveReply.Done>(slave.Hear());
        Assert.Single(farm.Database.Builds);
    }

    [Fact]
    public async Task A_build_whose_recording_is_in_doubt_is_recorded_once()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = await farm.BuildingSlaveAsync();
        var lost = true;
        farm.Database.After = method => method == "LogBuild" && lost ? Away(method) : Task.CompletedTask;
        slave.Say(Slaves.Failed());
        await farm.Log.WhenAsync(line => line.Message.Contains("waits for the database", StringComparison.Ordinal));
        await farm.SettleAsync();
        Assert.False(slave.HasReply);
        lost = false;
        farm.Bed.Time.Advance(RecordingClient.RetryPauseMin);

        Assert.IsType<SlaveReply.Done>(slave.Hear());
        Assert.Single(farm.Database.Builds);
    }

    [Fact]
    public async Task While_many_results_wait_for_the_database_nothing_new_is_handed_out_and_none_is_lost()
    {
        await using var farm = await FarmBench.StartAsync();
        var releases = Enumerable.Range(0, BuildRecorder.WaitingWithWorkMax + 1)
            .Select(number => new Release(Slaves.Numpy.Package, $"{number}.0")).ToArray();
        foreach (var release in releases) await farm.Database.AddNewPackageVersionAsync(release);
        await farm.PushAsync(releases);
        farm.Database.Before = Away;
        var slaves = new List<SlavePeer>();
        for (var count = 0; count < BuildRecorder.WaitingWithWorkMax; count++)
        {
            var slave = farm.Slave();
            slaves.Add(slave);
            slave.AssertReply<SlaveReply.Ack>(Hello);
            slave.AssertReply<SlaveReply.Build>(Idle);
            slave.Say(Slaves.Failed());
        }

        using var idle = farm.Slave();
        idle.AssertReply<SlaveReply.Ack>(Hello);
        while (idle.Ask(Idle) is SlaveReply.Build) idle.AssertReply<SlaveReply.Done>(Busy);
        Assert.True(farm.Log.Says("nothing new is built"));

        await farm.SettleAsync();
        farm.Database.Before = _ => Task.CompletedTask;
        farm.Bed.Time.Advance(RecordingClient.RetryPauseMax);
        Assert.All(slaves, slave => Assert.IsType<SlaveReply.Done>(slave.Hear()));
        Assert.Equal(BuildRecorder.WaitingWithWorkMax, farm.Database.Builds.Count);
        foreach (var slave in slaves) slave.Dispose();
    }

    [Fact]
    public async Task The_result_of_a_slave_that_has_gone_meanwhile_is_recorded()
    {
        await using var farm = await FarmBench.StartAsync();
        var slave = await farm.BuildingSlaveAsync();
        farm.Database.Before = Away;
        slave.Say(Slaves.Failed());
        await farm.Log.WhenAsync(line => line.Message.Contains("waits for the database", StringComparison.Ordinal));
        await farm.SettleAsync();
        slave.Dispose();

        farm.Database.Before = _ => Task.CompletedTask;
        farm.Bed.Time.Advance(TimeSpan.FromHours(1));

        await farm.Log.WhenAsync(line => line.Message.Contains("recorded as", StringComparison.Ordinal));
        Assert.Single(farm.Database.Builds);
        await farm.Status.NextAsync(message => message is StatusMessage.Slave { Event: SlaveEvent.Die });
    }

    [Fact]
    public async Task A_flood_of_hellos_over_one_connection_is_answered_once()
    {
        await using var farm = await FarmBench.StartAsync();
        using var hostile = farm.Slave(dealer: true);
        for (var i = 0; i < 500; i++) hostile.Say(Hello);

        Assert.Equal(1, Assert.IsType<SlaveReply.Ack>(hostile.Hear()).SlaveId);
        using var slave = farm.Slave();
        Assert.Equal(2, slave.AssertReply<SlaveReply.Ack>(Hello).SlaveId);
        hostile.AssertReply<SlaveReply.Sleep>(Idle);
        Assert.True(farm.Log.Entries.Count < 50);
    }

    [Fact]
    public async Task A_slave_that_starts_over_on_its_connection_gives_its_build_back()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = await farm.BuildingSlaveAsync();
        farm.Bed.Time.Advance(SlaveRoster.HelloIntervalMin);

        Assert.Equal(2, slave.AssertReply<SlaveReply.Ack>(Hello).SlaveId);
        slave.AssertReply<SlaveReply.Sleep>(Idle);
        farm.Bed.Time.Advance(PendingBuilds.LostPauseMin);
        slave.AssertReply<SlaveReply.Build>(Idle);
    }

    [Fact]
    public async Task A_request_out_of_turn_is_not_answered_and_changes_nothing()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = await farm.BuildingSlaveAsync(dealer: true);
        farm.Database.Before = Away;
        slave.Say(Slaves.Failed());
        await farm.Log.WhenAsync(line => line.Message.Contains("waits for the database", StringComparison.Ordinal));
        await farm.SettleAsync();

        foreach (var request in new[] { Idle, Busy, Slaves.Failed(), Sent, new SlaveRequest.Bye() }) slave.Say(request);
        slave.Say(new byte[] { 0xff });
        await farm.Log.WhenAsync(line => line.Message.Contains("BYE while", StringComparison.Ordinal));
        farm.Database.Before = _ => Task.CompletedTask;
        farm.Bed.Time.Advance(RecordingClient.RetryPauseMin);

        Assert.IsType<SlaveReply.Done>(slave.Hear());
        Assert.False(slave.HasReply);
        Assert.Single(farm.Database.Builds);
        slave.AssertReply<SlaveReply.Sleep>(Idle);
    }

    [Fact]
    public async Task A_build_of_a_deleted_package_is_dropped_and_not_handed_out_again()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = await farm.BuildingSlaveAsync();

        await farm.DeleteAsync(new SkipRequest.DeletePackage(Slaves.Numpy.Package));

        slave.AssertReply<SlaveReply.Done>(Busy);
        await farm.PushAsync(Slaves.Numpy);
        slave.AssertReply<SlaveReply.Sleep>(Idle);
        Assert.Empty(farm.Database.Builds);
    }

    [Fact]
    public async Task A_build_of_a_deleted_version_leaves_nothing_behind()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = await farm.BuildingSlaveAsync();
        var (path, state) = farm.Wheel();
        slave.AssertReply<SlaveReply.Send>(Slaves.Built(state));
        await farm.SendAsync(1, path);

        await farm.DeleteAsync(new SkipRequest.DeleteVersion(Slaves.Numpy));

        slave.AssertReply<SlaveReply.Done>(Sent);
        Assert.Empty(farm.Database.Builds);
        Assert.Empty(farm.OutputFiles());
    }

    [Fact]
    public async Task Files_of_a_build_that_the_database_refuses_are_never_seen()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = await farm.BuildingSlaveAsync();
        var (path, state) = farm.Wheel();
        slave.AssertReply<SlaveReply.Send>(Slaves.Built(state));
        await farm.SendAsync(1, path);
        await farm.Database.DeleteVersionAsync(Slaves.Numpy);

        slave.AssertReply<SlaveReply.Done>(Sent);

        Assert.Empty(farm.OutputFiles());
        await farm.Log.WhenAsync(line => line.Message.Contains("is not recorded", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_skipped_build_is_dropped()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = await farm.BuildingSlaveAsync();

        farm.Driver.SkipSlave(1);
        await OrdersTaken(farm);

        slave.AssertReply<SlaveReply.Done>(Slaves.Failed());
        Assert.Empty(farm.Database.Builds);
    }

    [Fact]
    public async Task Slaves_sleep_wake_and_die_as_they_are_told()
    {
        await using var farm = await FarmBench.StartAsync();
        await farm.PushAsync(Slaves.Numpy);
        using var first = farm.Slave();
        using var second = farm.Slave();
        first.Ask(Hello);
        second.Ask(Hello);

        farm.Driver.SleepSlave(null);
        await OrdersTaken(farm);
        Assert.Equal(new SlaveReply.Sleep(Paused: true), first.Ask(Idle));
        Assert.Equal(new SlaveReply.Sleep(Paused: true), second.Ask(Idle));
        farm.Driver.WakeSlave(2);
        farm.Driver.KillSlave(1);
        await OrdersTaken(farm);
        first.AssertReply<SlaveReply.Die>(Idle);
        second.AssertReply<SlaveReply.Build>(Idle);
    }

    [Fact]
    public async Task A_hash_that_never_matches_fails_the_build()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = await farm.BuildingSlaveAsync();
        var (path, state) = farm.Wheel();
        SlaveReply reply = slave.Ask(Slaves.Built(state with { FileHash = new string('0', 64) }));
        for (var attempt = 0; attempt < SlaveSession.TransferAttemptsMax; attempt++)
        {
            Assert.Equal(new SlaveReply.Send(state.Filename), reply);
            await farm.SendAsync(1, path);
            reply = slave.Ask(Sent);
        }

        Assert.IsType<SlaveReply.Done>(reply);
        var build = Assert.Single(farm.Database.Builds);
        Assert.False(build.Status);
        Assert.Contains("SHA-256", await farm.LogPublishedAsync(), StringComparison.Ordinal);
        Assert.Empty(farm.OutputFiles());
    }

    [Fact]
    public async Task A_wheel_with_the_metadata_of_another_package_fails_the_build()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = await farm.BuildingSlaveAsync();
        var (path, state) = farm.Wheel(new WheelMaker("numpy", "2.1.0", "cp311-cp311-linux_armv7l")
        {
            Metadata = "Metadata-Version: 2.1\nName: scipy\nVersion: 2.1.0\n",
        });

        slave.AssertReply<SlaveReply.Send>(Slaves.Built(state));
        await farm.SendAsync(1, path);
        slave.AssertReply<SlaveReply.Done>(Sent);

        Assert.Single(farm.Database.Builds);
        Assert.Contains(
            "METADATA is of the project 'scipy'", await farm.LogPublishedAsync(), StringComparison.Ordinal);
        Assert.Empty(farm.OutputFiles());
    }

    [Fact]
    public async Task Sent_before_the_file_has_come_is_answered_by_the_same_send()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = await farm.BuildingSlaveAsync();
        var (path, state) = farm.Wheel();
        slave.AssertReply<SlaveReply.Send>(Slaves.Built(state));

        Assert.Equal(new SlaveReply.Send(state.Filename), slave.Ask(Sent));
        await farm.SendAsync(1, path);
        slave.AssertReply<SlaveReply.Done>(Sent);
    }

    [Fact]
    public async Task A_full_disk_loses_no_build_as_failed()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = await farm.BuildingSlaveAsync();
        farm.DiskFree = 1000;

        slave.AssertReply<SlaveReply.Done>(Slaves.Built(farm.Wheel().State));

        Assert.Empty(farm.Database.Builds);
        await farm.Log.WhenAsync(line => line.Message.Contains("no room", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_a_silent_slave_has_sent_completely_is_recorded()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = await farm.BuildingSlaveAsync();
        var (path, state) = farm.Wheel();
        slave.AssertReply<SlaveReply.Send>(Slaves.Built(state));
        await farm.SendAsync(1, path);

        farm.Bed.Time.Advance(Slaves.Hello.BusyTimeout + SlaveDriver.ExpiryInterval);

        await farm.Log.WhenAsync(line => line.Message.Contains("recorded as", StringComparison.Ordinal));
        Assert.True(Assert.Single(farm.Database.Builds).Status);
        Assert.Equal(2, farm.OutputFiles().Count);
    }

    [Fact]
    public async Task A_silent_slave_is_forgotten_and_its_build_handed_out_again()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = await farm.BuildingSlaveAsync();
        slave.AssertReply<SlaveReply.Send>(Slaves.Built(farm.Wheel().State));

        farm.Bed.Time.Advance(Slaves.Hello.BusyTimeout + SlaveDriver.ExpiryInterval);
        await farm.Log.WhenAsync(line => line.Message.Contains("is not recorded", StringComparison.Ordinal));
        farm.Bed.Time.Advance(PendingBuilds.LostPauseMin);

        using var next = farm.Slave();
        next.Ask(Hello);
        next.AssertReply<SlaveReply.Build>(Idle);
        await farm.Status.NextAsync(message => message is StatusMessage.Slave { SlaveId: 1, Event: SlaveEvent.Die });
        Assert.Empty(farm.Database.Builds);
    }

    [Fact]
    public async Task Slaves_are_listened_to_on_loopback_only_unless_strangers_may_connect()
    {
        await using (var farm = await FarmBench.StartAsync())
        {
            Assert.All(TcpHosts(farm), host => Assert.Contains(host, (string[])["[127.0.0.1]", "[::1]"]));
            await farm.Log.WhenAsync(
                line => line.Level == LogLevel.Information
                    && line.Message.Contains("loopback only", StringComparison.Ordinal));
        }

        await using var open = await FarmBench.StartAsync(strangersMayConnect: true);
        Assert.All(TcpHosts(open), host => Assert.Contains(host, (string[])["[::]", "0.0.0.0"]));
    }

    /// <summary>What was posted to the task before has been done.</summary>
    private static Task OrdersTaken(FarmBench farm)
    {
        var taken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        farm.Driver.Post(taken.SetResult);
        return taken.Task.Within();
    }

    private static IEnumerable<string> TcpHosts(FarmBench farm) =>
        FarmBench.TcpAddresses(farm.Driver).Concat(FarmBench.TcpAddresses(farm.Juggler))
            .Select(address => address["tcp://".Length..address.LastIndexOf(':')])
            .Select(host => host.Replace("::ffff:", "", StringComparison.Ordinal));

    private static Task Away(string method) => method == "LogBuild"
        ? throw new DatabaseException("the database is away", transient: true)
        : Task.CompletedTask;

    private static async Task AssertHeard(FarmBench farm, params string[] events)
    {
        foreach (var name in events)
        {
            Assert.Equal(name, Assert.IsType<StatusMessage.Slave>(await farm.Status.NextAsync()).Event.Name);
        }
    }
}
