using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master.Publishing;
using Xunit;

namespace Piwheels.Tests.Publishing;

public sealed class RewriteBufferTests
{
    private static readonly TimeSpan Delay = TimeSpan.FromMinutes(1);
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly RewriteBuffer _buffer = new(Delay);

    private static RewritePending Ask(string name, RewriteCommand command, double seconds = 0) =>
        new(PackageName.Parse(name), Start.AddSeconds(seconds), command);

    [Fact]
    public void A_request_is_held_for_its_time()
    {
        _buffer.Add(Ask("foo", RewriteCommand.Project));
        Assert.Null(_buffer.Take(Start + Delay - TimeSpan.FromTicks(1)));
        Assert.Equal(Start + Delay, _buffer.NextDue);
        Assert.Equal(Ask("foo", RewriteCommand.Project), _buffer.Take(Start + Delay));
        Assert.Null(_buffer.Take(Start + Delay));
    }

    [Theory]
    [InlineData(RewriteCommand.Project, RewriteCommand.Project, RewriteCommand.Project)]
    [InlineData(RewriteCommand.Project, RewriteCommand.Both, RewriteCommand.Both)]
    [InlineData(RewriteCommand.Both, RewriteCommand.Project, RewriteCommand.Both)]
    [InlineData(RewriteCommand.Both, RewriteCommand.Both, RewriteCommand.Both)]
    public void Both_wins_and_the_first_time_stands(RewriteCommand first, RewriteCommand second, RewriteCommand merged)
    {
        _buffer.Add(Ask("foo", first));
        _buffer.Add(Ask("foo", second, seconds: 30));
        Assert.Equal(Ask("foo", merged), _buffer.Take(Start + Delay));
        Assert.Equal(0, _buffer.Waiting);
    }

    [Fact]
    public void What_the_database_owes_longer_is_due_earlier()
    {
        _buffer.Add(Ask("foo", RewriteCommand.Both));
        _buffer.Load([Ask("foo", RewriteCommand.Project, seconds: -100)]);
        Assert.Equal(Ask("foo", RewriteCommand.Both, seconds: -100), _buffer.Take(Start));
    }

    [Fact]
    public void They_go_in_the_order_of_their_first_requests()
    {
        foreach (var (name, seconds) in new[] { ("c", 2.0), ("a", 1.0), ("b", 3.0), ("a", 4.0) })
            _buffer.Add(Ask(name, RewriteCommand.Project, seconds));
        var later = Start + TimeSpan.FromHours(1);
        Assert.Equal(["a", "c", "b"], Enumerable.Range(0, 3).Select(_ => _buffer.Take(later)!.Package.Value));
    }

    [Fact]
    public void A_package_that_is_being_written_is_not_given_out_again_until_done()
    {
        _buffer.Add(Ask("foo", RewriteCommand.Both));
        var first = _buffer.Take(Start + Delay)!;
        _buffer.Add(Ask("foo", RewriteCommand.Project, seconds: 61));
        _buffer.Add(Ask("other", RewriteCommand.Project, seconds: 62));
        var later = Start + (3 * Delay);
        Assert.Equal("other", _buffer.Take(later)!.Package.Value);
        Assert.Null(_buffer.Take(later));
        _buffer.Done(first);
        Assert.Equal(Ask("foo", RewriteCommand.Project, seconds: 61), _buffer.Take(later));
    }

    [Fact]
    public void What_is_loaded_while_it_is_being_written_is_passed_over()
    {
        _buffer.Add(Ask("foo", RewriteCommand.Both));
        _buffer.Take(Start + Delay);
        _buffer.Load([Ask("foo", RewriteCommand.Both)]);
        Assert.Equal(0, _buffer.Waiting);
    }

    [Fact]
    public void A_failure_is_tried_again_after_growing_pauses()
    {
        _buffer.Add(Ask("foo", RewriteCommand.Both));
        var now = Start + Delay;
        var pauses = new List<double>();
        for (var attempt = 0; attempt < 12; attempt++)
        {
            var request = _buffer.Take(now)!;
            Assert.Equal(Ask("foo", RewriteCommand.Both), request);
            _buffer.Failed(request, now);
            pauses.Add((_buffer.NextDue!.Value - now).TotalSeconds);
            Assert.Null(_buffer.Take(_buffer.NextDue.Value - TimeSpan.FromTicks(1)));
            now = _buffer.NextDue.Value;
        }

        Assert.Equal([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300], pauses);
    }

    [Fact]
    public void A_failure_keeps_what_was_asked_meanwhile()
    {
        _buffer.Add(Ask("foo", RewriteCommand.Project));
        var request = _buffer.Take(Start + Delay)!;
        _buffer.Add(Ask("foo", RewriteCommand.Both, seconds: 70));
        _buffer.Failed(request, Start + Delay);
        Assert.Equal(1, _buffer.Waiting);
        Assert.Equal(Ask("foo", RewriteCommand.Both), _buffer.Take(Start + Delay + RewriteBuffer.RetryPause));
    }

    [Fact]
    public void A_new_request_does_not_shorten_the_pause_after_a_failure()
    {
        _buffer.Add(Ask("foo", RewriteCommand.Both));
        var request = _buffer.Take(Start + Delay)!;
        _buffer.Failed(request, Start + Delay);
        _buffer.Add(Ask("foo", RewriteCommand.Both));
        Assert.Null(_buffer.Take(Start + Delay));
    }

    [Fact]
    public void A_deleted_package_waits_no_more()
    {
        _buffer.Add(Ask("foo", RewriteCommand.Both));
        _buffer.Forget(PackageName.Parse("foo"));
        Assert.Null(_buffer.Take(DateTimeOffset.MaxValue));
        Assert.Null(_buffer.NextDue);
    }

    [Fact]
    public void What_is_asked_for_now_goes_before_a_backlog_of_long_ago_and_takes_no_time_from_it()
    {
        _buffer.LoadBacklog(
            [.. Enumerable.Range(0, 10).Select(i => Ask($"old{i}", RewriteCommand.Both, seconds: -1_000 + i))]);
        _buffer.Add(Ask("new", RewriteCommand.Both));
        Assert.Equal((1, 10), (_buffer.Waiting, _buffer.WaitingBacklog));
        Assert.Equal(["old0", "old1"], TakeNames(2, Start));
        Assert.Equal(["new", "old2"], TakeNames(2, Start + Delay));
    }

    [Fact]
    public void A_backlog_has_its_turn_however_much_is_asked_for_now()
    {
        _buffer.LoadBacklog([.. Enumerable.Range(0, 3).Select(i => Ask($"old{i}", RewriteCommand.Both, seconds: i))]);
        for (var i = 0; i < 9; i++) _buffer.Add(Ask($"new{i}", RewriteCommand.Both, seconds: i));
        Assert.Equal(
            ["new0", "new1", "new2", "old0", "new3", "new4", "new5", "old1", "new6", "new7", "new8", "old2"],
            TakeNames(12, Start.AddDays(1)));
        Assert.Null(_buffer.Take(DateTimeOffset.MaxValue));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_asked_for_now_leaves_the_backlog_and_counts_from_then(bool isLoaded)
    {
        var (old, now) = (Ask("foo", RewriteCommand.Both, seconds: -1_000), Ask("foo", RewriteCommand.Project));
        _buffer.LoadBacklog([old]);
        if (isLoaded) _buffer.Load([now]);
        else _buffer.Add(now);
        _buffer.LoadBacklog([old]);
        Assert.Equal((1, 0), (_buffer.Waiting, _buffer.WaitingBacklog));
        Assert.Null(_buffer.Take(Start + Delay - TimeSpan.FromTicks(1)));
        Assert.Equal(Ask("foo", RewriteCommand.Both), _buffer.Take(Start + Delay));
    }

    [Fact]
    public void What_fails_stays_in_its_lane_unless_it_is_asked_for_meanwhile()
    {
        _buffer.LoadBacklog([Ask("foo", RewriteCommand.Both)]);
        _buffer.Failed(_buffer.Take(Start + Delay)!, Start + Delay);
        Assert.Equal((0, 1), (_buffer.Waiting, _buffer.WaitingBacklog));
        var again = _buffer.Take(Start + (2 * Delay))!;
        _buffer.Add(Ask("foo", RewriteCommand.Project, seconds: 100));
        _buffer.Failed(again, Start + (2 * Delay));
        Assert.Equal((1, 0), (_buffer.Waiting, _buffer.WaitingBacklog));
        Assert.Equal(Ask("foo", RewriteCommand.Both, seconds: 100), _buffer.Take(Start + (3 * Delay)));
    }

    private List<string> TakeNames(int count, DateTimeOffset now)
    {
        var taken = new List<RewritePending>();
        for (var i = 0; i < count; i++) taken.Add(_buffer.Take(now)!);
        foreach (var request in taken) _buffer.Done(request);
        return [.. taken.Select(request => request.Package.Value)];
    }

    /// <summary>
    /// Whatever is asked in whatever order: every package is written once, as BOTH if any asked for both.
    /// </summary>
    [Property]
    public void Nothing_is_lost_and_nothing_done_twice((byte Package, bool Both, ushort Second)[] requests)
    {
        var buffer = new RewriteBuffer(Delay);
        foreach (var (package, both, second) in requests)
            buffer.Add(Ask($"p{package % 8}", both ? RewriteCommand.Both : RewriteCommand.Project, second));
        var expected = requests.GroupBy(request => $"p{request.Package % 8}").ToDictionary(
            group => group.Key,
            group => Ask(
                group.Key,
                group.Any(request => request.Both) ? RewriteCommand.Both : RewriteCommand.Project,
                group.Min(request => request.Second)));

        var taken = new List<RewritePending>();
        while (buffer.Take(Start.AddDays(1)) is { } request) taken.Add(request);

        Assert.Equal(expected.Values.OrderBy(request => (request.AddedAt, request.Package)), taken);
    }
}
