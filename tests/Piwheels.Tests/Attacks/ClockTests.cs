using Piwheels.Core.States;
using Piwheels.Master.Building;
using Piwheels.Messaging.Protocols;
using Piwheels.Tests.Building;
using Xunit;

namespace Piwheels.Tests.Attacks;

/// <summary>Clocks that are wrong, and times that nothing takes.</summary>
public sealed class ClockTests
{
    [Fact]
    public async Task A_slave_of_any_year_is_served_by_the_masters_clock()
    {
        await using var farm = await AttackedFarm.StartAsync();
        using var slave = farm.Stranger();
        slave.Ask(new SlaveRequest.Hello(Slaves.Hello));

        foreach (var time in new[] { DateTimeOffset.MinValue, DateTimeOffset.MaxValue, DateTimeOffset.UnixEpoch })
        {
            var stats = Slaves.Stats with { Timestamp = time };
            var reply = slave.Ask(new SlaveRequest.Idle(stats));
            if (reply is SlaveReply.Build) slave.AssertReply<SlaveReply.Done>(Slaves.Failed());
        }

        await farm.EndAsync();
    }

    public static TheoryData<TimeSpan> Durations =>
        [TimeSpan.MaxValue, TimeSpan.FromDays(8), SlaveSession.BuildTimeMax + TimeSpan.FromTicks(10)];

    [Theory]
    [MemberData(nameof(Durations))]
    public async Task A_duration_that_no_build_has_fails_the_build(TimeSpan duration)
    {
        await using var farm = await AttackedFarm.StartAsync();
        using var attacker = farm.Builder();

        attacker.AssertReply<SlaveReply.Done>(
            Slaves.Built(Slaves.File(AttackedFarm.ScipyWheel)) with { Duration = duration });

        var build = Assert.Single(farm.Bench.Database.Builds);
        Assert.Equal((false, TimeSpan.Zero), (build.Status, build.Duration));
        await farm.EndAsync();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public async Task Time_outs_that_are_over_before_they_begin_get_no_number(int seconds)
    {
        await using var farm = await AttackedFarm.StartAsync();
        using var stranger = farm.Stranger();

        stranger.AssertReply<SlaveReply.Die>(new SlaveRequest.Hello(
            Slaves.Hello with { BusyTimeout = TimeSpan.FromSeconds(seconds) }));
        stranger.AssertReply<SlaveReply.Die>(new SlaveRequest.Hello(
            Slaves.Hello with { BuildTimeout = TimeSpan.FromSeconds(seconds) }));

        await farm.EndAsync();
    }

    [Fact]
    public void Time_outs_of_a_thousand_years_are_those_that_the_master_has()
    {
        var now = Slaves.Start;
        var forEver = Slaves.Hello with { BusyTimeout = TimeSpan.MaxValue, BuildTimeout = TimeSpan.MaxValue };
        var slave = new SlaveSession(1, Slaves.Address(1), forEver, now);
        slave.Receive(new SlaveRequest.Idle(Slaves.Stats), now);
        slave.Replied(slave.Assign(Slaves.Numpy, now), now);
        var limit = SlaveSession.BuildTimeMax + SlaveSession.ExpiryMax;

        Assert.IsType<SlaveStep.Answer>(slave.Receive(new SlaveRequest.Busy(Slaves.Stats), now + limit));
        Assert.IsType<SlaveStep.Drop>(
            slave.Receive(new SlaveRequest.Busy(Slaves.Stats), now + limit + TimeSpan.FromSeconds(1)));
        Assert.True(slave.IsExpired(slave.LastSeen + SlaveSession.ExpiryMax + TimeSpan.FromSeconds(1)));
    }
}
