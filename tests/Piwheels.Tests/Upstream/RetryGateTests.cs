using Piwheels.Master.Upstream;
using Xunit;

namespace Piwheels.Tests.Upstream;

public sealed class RetryGateTests
{
    private static readonly DateTimeOffset Now = new(2024, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void The_wait_doubles_up_to_a_limit_and_is_never_more_than_halved_by_chance()
    {
        Assert.Equal(TimeSpan.FromSeconds(1), RetryGate.DelayAfter(1, null, 0));
        Assert.Equal(TimeSpan.FromSeconds(2), RetryGate.DelayAfter(2, null, 0));
        Assert.Equal(TimeSpan.FromSeconds(4), RetryGate.DelayAfter(3, null, 0));
        Assert.Equal(TimeSpan.FromSeconds(6), RetryGate.DelayAfter(3, null, 0.5));
        Assert.Equal(RetryGate.DelayMax / 2, RetryGate.DelayAfter(100, null, 0));
        Assert.InRange(RetryGate.DelayAfter(int.MaxValue, null, 0.999), RetryGate.DelayMax / 2, RetryGate.DelayMax);
    }

    [Fact]
    public void What_the_server_asks_for_is_obeyed_within_reason()
    {
        Assert.Equal(TimeSpan.FromSeconds(30), RetryGate.DelayAfter(1, TimeSpan.FromSeconds(30), 0));
        Assert.Equal(RetryGate.RetryAfterMax, RetryGate.DelayAfter(1, TimeSpan.FromDays(1000), 0));
        // It cannot make us come back sooner than we would
        Assert.Equal(TimeSpan.FromSeconds(1), RetryGate.DelayAfter(1, TimeSpan.Zero, 0));
        Assert.Equal(TimeSpan.FromSeconds(1), RetryGate.DelayAfter(1, TimeSpan.FromSeconds(-5), 0));
    }

    [Fact]
    public void The_gate_opens_after_the_wait_and_at_once_after_a_success()
    {
        var gate = new RetryGate();
        Assert.True(gate.IsOpen(Now));
        var delay = gate.Failed(Now, TimeSpan.FromSeconds(90), 0);
        Assert.Equal(TimeSpan.FromSeconds(90), delay);
        Assert.False(gate.IsOpen(Now.AddSeconds(89)));
        Assert.True(gate.IsOpen(Now.AddSeconds(90)));
        gate.Failed(Now, null, 0);
        Assert.Equal(2, gate.Failures);
        // The second, shorter wait does not shorten the first
        Assert.False(gate.IsOpen(Now.AddSeconds(89)));
        gate.Succeeded();
        Assert.True(gate.IsOpen(Now));
        Assert.Equal(0, gate.Failures);
    }
}
