using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Master.Building;
using Piwheels.Messaging.Protocols;
using Xunit;

namespace Piwheels.Tests.Building;

public sealed class SlaveSessionTests
{
    private const string OtherWheel = "numpy-2.1.0-py3-none-any.whl";
    private static readonly SlaveRequest Idle = new SlaveRequest.Idle(Slaves.Stats);
    private static readonly SlaveRequest Busy = new SlaveRequest.Busy(Slaves.Stats);
    private static readonly SlaveRequest Sent = new SlaveRequest.Sent();
    private static readonly SlaveRequest Bye = new SlaveRequest.Bye();
    private static readonly SlaveRequest Built = Slaves.Built(Slaves.File(Slaves.NumpyWheel));

    private readonly SlaveSession _slave = new(7, Slaves.Address(1), Slaves.Hello, Slaves.Start);
    private DateTimeOffset _now = Slaves.Start;

    [Theory]
    [InlineData(SlavePhase.Greeted)]
    [InlineData(SlavePhase.Sleeping)]
    [InlineData(SlavePhase.Done)]
    public void Idle_is_right_after_ack_sleep_and_done(SlavePhase phase)
    {
        Bring(phase);

        Assert.IsType<SlaveStep.FindWork>(Receive(Idle));
    }

    [Theory]
    [InlineData(SlavePhase.Building)]
    [InlineData(SlavePhase.Sending)]
    public void Idle_while_a_build_is_due_is_answered_by_die_and_loses_the_build(SlavePhase phase)
    {
        Bring(phase);

        var drop = Assert.IsType<SlaveStep.Drop>(Receive(Idle));
        Assert.Equal(Slaves.Numpy, drop.Release);
        Assert.IsType<SlaveReply.Die>(drop.Reply);
    }

    [Theory]
    [InlineData(SlavePhase.Greeted)]
    [InlineData(SlavePhase.Sleeping)]
    [InlineData(SlavePhase.Done)]
    [InlineData(SlavePhase.Dying)]
    public void Built_without_a_build_is_answered_by_die(SlavePhase phase)
    {
        Bring(phase);

        AssertAnswer<SlaveReply.Die>(Receive(Built));
    }

    [Fact]
    public void Built_while_sending_is_answered_by_die()
    {
        Bring(SlavePhase.Sending);

        Assert.IsType<SlaveReply.Die>(Assert.IsType<SlaveStep.Drop>(Receive(Built)).Reply);
    }

    [Theory]
    [InlineData(SlavePhase.Greeted)]
    [InlineData(SlavePhase.Sleeping)]
    [InlineData(SlavePhase.Done)]
    [InlineData(SlavePhase.Dying)]
    public void Sent_without_send_is_answered_by_die(SlavePhase phase)
    {
        Bring(phase);

        AssertAnswer<SlaveReply.Die>(Receive(Sent));
    }

    [Fact]
    public void Sent_while_building_is_answered_by_die_and_loses_the_build()
    {
        Bring(SlavePhase.Building);

        Assert.IsType<SlaveReply.Die>(Assert.IsType<SlaveStep.Drop>(Receive(Sent)).Reply);
    }

    [Fact]
    public void Busy_while_building_goes_on_and_does_not_count_as_the_last_reply()
    {
        Bring(SlavePhase.Building);

        AssertAnswer<SlaveReply.Cont>(Receive(Busy));
        Reply(new SlaveReply.Cont());

        Assert.IsType<SlaveReply.Build>(_slave.LastReply);
        Assert.IsType<SlaveStep.ExpectFile>(Receive(Built));
    }

    [Theory]
    [InlineData(SlavePhase.Greeted)]
    [InlineData(SlavePhase.Sleeping)]
    [InlineData(SlavePhase.Done)]
    public void Busy_with_nothing_that_the_master_knows_of_is_told_done(SlavePhase phase)
    {
        Bring(phase);

        AssertAnswer<SlaveReply.Done>(Receive(Busy));
    }

    [Fact]
    public void Busy_while_sending_drops_the_build()
    {
        Bring(SlavePhase.Sending);

        Assert.IsType<SlaveReply.Done>(Assert.IsType<SlaveStep.Drop>(Receive(Busy)).Reply);
    }

    [Fact]
    public void After_die_there_is_only_die_and_bye()
    {
        Bring(SlavePhase.Dying);

        foreach (var request in new[] { Idle, Busy, Built, Sent }) AssertAnswer<SlaveReply.Die>(Receive(request));
        Assert.IsType<SlaveStep.Leave>(Receive(Bye));
    }

    [Theory]
    [InlineData(SlavePhase.Greeted)]
    [InlineData(SlavePhase.Sleeping)]
    [InlineData(SlavePhase.Building)]
    [InlineData(SlavePhase.Sending)]
    [InlineData(SlavePhase.Done)]
    public void Bye_is_right_at_any_time(SlavePhase phase)
    {
        Bring(phase);

        Assert.IsType<SlaveStep.Leave>(Receive(Bye));
    }

    [Fact]
    public void A_failed_build_is_recorded()
    {
        Bring(SlavePhase.Building);

        var build = Assert.IsType<SlaveStep.RecordFailure>(Receive(Slaves.Failed())).Build;

        Assert.Equal((7, "numpy", "2.1.0", false), (build.SlaveId, build.Package, build.Version, build.Status));
        Reply(new SlaveReply.Done());
        Assert.Null(_slave.Release);
    }

    [Fact]
    public void A_claim_that_is_refused_is_recorded_as_a_failure()
    {
        Bring(SlavePhase.Building);

        var step = Receive(Slaves.Built(Slaves.File("scipy-1.0-py3-none-any.whl")));

        var build = Assert.IsType<SlaveStep.RecordFailure>(step).Build;
        Assert.Contains("the package asked for is numpy", build.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_good_build_sends_each_file_in_the_order_of_names_and_is_then_recorded()
    {
        Bring(SlavePhase.Building);

        var step = Receive(Slaves.Built(Slaves.File(OtherWheel), Slaves.File(Slaves.NumpyWheel)));
        Assert.Equal(Slaves.NumpyWheel, Assert.IsType<SlaveStep.ExpectFile>(step).File.Filename);
        Reply(new SlaveReply.Send(Slaves.NumpyWheel));
        Assert.Equal(Slaves.NumpyWheel, Assert.IsType<SlaveStep.VerifyFile>(Receive(Sent)).File.Filename);

        Assert.Equal(OtherWheel, Assert.IsType<SlaveStep.ExpectFile>(_slave.FileVerified(null)).File.Filename);
        Reply(new SlaveReply.Send(OtherWheel));
        Assert.Equal(OtherWheel, Assert.IsType<SlaveStep.VerifyFile>(Receive(Sent)).File.Filename);

        var build = Assert.IsType<SlaveStep.RecordSuccess>(_slave.FileVerified(null)).Build;
        Assert.True(build.Status);
        Assert.Equal([Slaves.NumpyWheel, OtherWheel], build.Files.Select(file => file.Filename));
    }

    [Fact]
    public void A_file_that_does_not_match_is_asked_for_again_and_then_the_build_fails()
    {
        Bring(SlavePhase.Sending);
        for (var attempt = 1; attempt < SlaveSession.TransferAttemptsMax; attempt++)
        {
            Receive(Sent);
            Assert.IsType<SlaveStep.ExpectFile>(_slave.FileMismatched("another hash"));
            Reply(new SlaveReply.Send(Slaves.NumpyWheel));
        }

        Receive(Sent);
        var build = Assert.IsType<SlaveStep.RecordFailure>(_slave.FileMismatched("another hash")).Build;

        Assert.False(build.Status);
        Assert.Contains($"{Slaves.NumpyWheel}: another hash (3 attempts)", build.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Each_file_has_attempts_of_its_own()
    {
        Bring(SlavePhase.Building);
        Receive(Slaves.Built(Slaves.File(OtherWheel), Slaves.File(Slaves.NumpyWheel)));
        Reply(new SlaveReply.Send(Slaves.NumpyWheel));
        _slave.FileMismatched("another hash");
        _slave.FileMismatched("another hash");
        _slave.FileVerified(null);
        Reply(new SlaveReply.Send(OtherWheel));

        Assert.IsType<SlaveStep.ExpectFile>(_slave.FileMismatched("another hash"));
    }

    [Fact]
    public void A_file_that_is_not_what_it_claims_fails_the_build_at_once()
    {
        Bring(SlavePhase.Sending);
        Receive(Sent);

        var build = Assert.IsType<SlaveStep.RecordFailure>(_slave.FileRefused("its METADATA is of scipy")).Build;

        Assert.Contains("its METADATA is of scipy", build.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("BUSY")]
    [InlineData("BUILT")]
    public void A_build_that_is_taken_back_is_dropped_at_the_next_word(string request)
    {
        Bring(SlavePhase.Building);
        _slave.TakeBack("skipped");

        var drop = Assert.IsType<SlaveStep.Drop>(Receive(request == "BUSY" ? Busy : Built));

        Assert.Equal((Slaves.Numpy, "skipped"), (drop.Release, drop.Reason));
        Assert.IsType<SlaveReply.Done>(drop.Reply);
    }

    [Fact]
    public void A_build_that_is_taken_back_while_its_files_are_sent_is_dropped()
    {
        Bring(SlavePhase.Sending);
        _slave.TakeBack("deleted");
        Assert.IsType<SlaveStep.Drop>(Receive(Sent));
    }

    [Fact]
    public void A_build_that_is_taken_back_while_its_file_is_verified_is_dropped()
    {
        Bring(SlavePhase.Sending);
        Receive(Sent);
        _slave.TakeBack("deleted");

        Assert.IsType<SlaveStep.Drop>(_slave.FileVerified(null));
        Assert.IsType<SlaveStep.Drop>(_slave.FileMismatched("another hash"));
        Assert.IsType<SlaveStep.Drop>(_slave.FileRefused("no wheel"));
    }

    [Fact]
    public void Taking_back_concerns_the_build_that_is_under_way_and_no_later_one()
    {
        _slave.TakeBack("skipped");
        Bring(SlavePhase.Building);

        AssertAnswer<SlaveReply.Cont>(Receive(Busy));
    }

    [Fact]
    public void A_killed_slave_dies_at_its_next_idle()
    {
        Bring(SlavePhase.Building);
        _slave.Kill();

        AssertAnswer<SlaveReply.Cont>(Receive(Busy));
        Assert.IsType<SlaveStep.RecordFailure>(Receive(Slaves.Failed()));
        Reply(new SlaveReply.Done());
        AssertAnswer<SlaveReply.Die>(Receive(Idle));
    }

    [Fact]
    public void A_sleeping_slave_gets_nothing_until_it_is_woken()
    {
        _slave.Sleep();
        var answer = Assert.IsType<SlaveStep.Answer>(Receive(Idle));
        Assert.Equal(new SlaveReply.Sleep(Paused: true), answer.Reply);

        _slave.Wake();
        Assert.IsType<SlaveStep.FindWork>(Receive(Idle));
    }

    [Fact]
    public void A_build_that_goes_on_far_beyond_its_time_is_dropped()
    {
        Bring(SlavePhase.Building);
        _now += Slaves.Hello.BuildTimeout + Slaves.Hello.BusyTimeout;
        AssertAnswer<SlaveReply.Cont>(Receive(Busy));

        _now += TimeSpan.FromSeconds(1);
        Assert.IsType<SlaveReply.Done>(Assert.IsType<SlaveStep.Drop>(Receive(Busy)).Reply);
    }

    [Fact]
    public void A_request_while_another_is_worked_on_is_ignored()
    {
        Bring(SlavePhase.Building);
        Receive(Built);
        _slave.BeginWork();

        foreach (var request in new[] { Idle, Busy, Built, Sent, Bye })
        {
            Assert.IsType<SlaveStep.Ignore>(Receive(request));
        }

        Reply(new SlaveReply.Send(Slaves.NumpyWheel));
        Assert.IsType<SlaveStep.VerifyFile>(Receive(Sent));
    }

    [Theory]
    [InlineData(300, 301)]
    [InlineData(1, 11)]
    [InlineData(int.MaxValue, 24 * 3600 + 1)]
    public void A_slave_expires_after_its_own_busy_timeout_within_bounds(int busyTimeout, int expiredAfter)
    {
        var hello = Slaves.Hello with { BusyTimeout = TimeSpan.FromSeconds(busyTimeout) };
        var slave = new SlaveSession(1, Slaves.Address(1), hello, Slaves.Start);
        slave.Receive(Idle, Slaves.Start + TimeSpan.FromSeconds(5));

        Assert.False(slave.IsExpired(Slaves.Start + TimeSpan.FromSeconds(5 + expiredAfter - 1)));
        Assert.True(slave.IsExpired(Slaves.Start + TimeSpan.FromSeconds(5 + expiredAfter)));
    }

    [Fact]
    public void The_last_figures_are_kept_for_monitors()
    {
        Assert.Null(_slave.Stats);
        Receive(Idle);
        Assert.Equal(Slaves.Stats, _slave.Stats);
    }

    private void Bring(SlavePhase phase)
    {
        switch (phase)
        {
            case SlavePhase.Sleeping:
                Reply(new SlaveReply.Sleep(Paused: false));
                break;
            case SlavePhase.Building:
                Receive(Idle);
                Reply(_slave.Assign(Slaves.Numpy, _now));
                break;
            case SlavePhase.Sending:
                Bring(SlavePhase.Building);
                Receive(Built);
                Reply(new SlaveReply.Send(Slaves.NumpyWheel));
                break;
            case SlavePhase.Done:
                Reply(new SlaveReply.Done());
                break;
            case SlavePhase.Dying:
                Reply(new SlaveReply.Die());
                break;
        }

        Assert.Equal(phase, _slave.Phase);
    }

    private SlaveStep Receive(SlaveRequest request) => _slave.Receive(request, _now);

    private void Reply(SlaveReply reply) => _slave.Replied(reply, _now);

    private static void AssertAnswer<TReply>(SlaveStep step) =>
        Assert.IsType<TReply>(Assert.IsType<SlaveStep.Answer>(step).Reply);
}
