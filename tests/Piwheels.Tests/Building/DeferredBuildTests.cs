using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;
using Piwheels.Master;
using Piwheels.Master.Building;
using Piwheels.Master.Packages;
using Piwheels.Messaging.Protocols;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Building;

/// <summary>What the master makes of the reason at the end of a failed build's log.</summary>
public sealed class DeferredBuildTests
{
    private static readonly SlaveRequest Idle = new SlaveRequest.Idle(Slaves.Stats);
    private static readonly BuildFailure Full = new(FailureClass.DiskFull, "No space left on device");

    private static SlaveRequest.Built Failed(BuildFailure failure) => Slaves.Failed(failure.AppendTo("collecting numpy\n"));

    [Fact]
    public async Task A_reason_that_passes_is_not_recorded_but_tried_again_later()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = await farm.BuildingSlaveAsync();

        slave.AssertReply<SlaveReply.Done>(Failed(Full));

        Assert.Empty(farm.Database.Builds);
        Assert.Equal(
            new SecretaryRequest.Owed(Slaves.Numpy.Package, RewriteCommand.Project), await farm.Pages.NextAsync());
        await farm.Log.WhenAsync(line => line.Message.Contains("the disk was full (No space left on device); it is tried again at", StringComparison.Ordinal));
        Assert.Empty((await farm.Database.GetBuildQueueAsync()).Values.SelectMany(releases => releases));
        slave.AssertReply<SlaveReply.Sleep>(Idle);

        farm.Bed.Time.Advance(farm.Configuration.RetryDelays[0]);
        Assert.Equal(1, await farm.Database.ResumeBuildsAsync());
        using var other = await BuildingAsync(farm);
    }

    [Fact]
    public async Task A_reason_that_does_not_pass_is_recorded_with_the_build()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = await farm.BuildingSlaveAsync();
        var header = new BuildFailure(FailureClass.MissingHeader, "fatal error: libpq-fe.h", "libpq-dev");

        slave.AssertReply<SlaveReply.Done>(Failed(header));

        Assert.Equal(header, Assert.Single(farm.Database.Builds).Failure);
    }

    [Fact]
    public async Task A_log_without_a_reason_is_recorded_as_ever()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = await farm.BuildingSlaveAsync();

        slave.AssertReply<SlaveReply.Done>(Slaves.Failed("piw-failure: 1 network\nthis was the build, not its slave\n"));

        Assert.Null(Assert.Single(farm.Database.Builds).Failure);
    }

    [Fact]
    public async Task After_the_last_delay_it_is_recorded_with_its_class()
    {
        await using var farm = await FarmBench.StartAsync();
        for (var attempt = 0; attempt <= farm.Configuration.RetryDelays.Count; attempt++)
        {
            Assert.Empty(farm.Database.Builds);
            farm.Bed.Time.Advance(PendingBuilds.StalePushMax);
            using var slave = await BuildingAsync(farm);
            slave.AssertReply<SlaveReply.Done>(Failed(Full));
            farm.Bed.Time.Advance(TimeSpan.FromDays(2));
            await farm.Database.ResumeBuildsAsync();
        }

        Assert.Equal(Full, Assert.Single(farm.Database.Builds).Failure);
    }

    /// <summary>A slave that asks until it is given work: the push may still be on its way.</summary>
    private static async Task<SlavePeer> BuildingAsync(FarmBench farm)
    {
        await farm.PushAsync(Slaves.Numpy);
        var slave = farm.Slave();
        slave.Ask(new SlaveRequest.Hello(Slaves.Hello));
        using var limit = new CancellationTokenSource(Waiting.Limit);
        while (slave.Ask(Idle) is not SlaveReply.Build)
        {
            limit.Token.ThrowIfCancellationRequested();
            await farm.SettleAsync();
        }

        return slave;
    }

    [Fact]
    public async Task A_deferral_whose_answer_was_lost_counts_once()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = await farm.BuildingSlaveAsync();
        var lost = true;
        farm.Database.After = method => method == "DeferBuild" && lost
            ? throw new DatabaseException("away", transient: true)
            : Task.CompletedTask;
        slave.Say(Failed(Full));
        await farm.Log.WhenAsync(line => line.Message.Contains("waits for the database", StringComparison.Ordinal));
        await farm.SettleAsync();
        Assert.False(slave.HasReply);
        lost = false;
        farm.Bed.Time.Advance(RecordingClient.RetryPauseMin);

        Assert.IsType<SlaveReply.Done>(slave.Hear());
        Assert.Empty(farm.Database.Builds);
        farm.Bed.Time.Advance(farm.Configuration.RetryDelays[0]);
        Assert.Equal(1, await farm.Database.ResumeBuildsAsync());
    }

    [Fact]
    public async Task A_slave_that_can_take_no_work_stays_known_and_is_given_none()
    {
        await using var farm = await FarmBench.StartAsync();
        await farm.PushAsync(Slaves.Numpy);
        using var slave = farm.Slave();
        slave.Ask(new SlaveRequest.Hello(Slaves.Hello));
        for (var round = 0; round < 3; round++)
        {
            slave.AssertReply<SlaveReply.Done>(new SlaveRequest.Busy(Slaves.Stats));
            farm.Bed.Time.Advance(Slaves.Hello.BusyTimeout / 2);
            await farm.SettleAsync();
        }

        slave.AssertReply<SlaveReply.Build>(Idle);
    }

    [Fact]
    public async Task And_it_dies_when_it_is_told_to()
    {
        await using var farm = await FarmBench.StartAsync();
        using var slave = farm.Slave();
        slave.Ask(new SlaveRequest.Hello(Slaves.Hello));
        farm.Driver.KillSlave(1);
        await farm.Log.WhenAsync(line => line.Message.Contains("told to kill", StringComparison.Ordinal));
        slave.AssertReply<SlaveReply.Die>(new SlaveRequest.Busy(Slaves.Stats));
    }
}
