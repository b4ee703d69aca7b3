using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Messaging;

public sealed class TaskWiringTests : IAsyncDisposable
{
    private readonly TaskTestbed _bed = new();

    public ValueTask DisposeAsync() => _bed.DisposeAsync();

    [Fact]
    public void Those_who_bind_start_before_those_who_connect()
    {
        var tasks = new[]
        {
            Wired("architect", connects: ["inproc://builds"]),
            Wired("driver", binds: ["inproc://builds"], asks: ["inproc://db", "inproc://web"]),
            Wired("secretary", answers: ["inproc://web"], asks: ["inproc://db"]),
            Wired("seraph", answers: ["inproc://db"]),
        };
        Assert.Equal(["seraph", "secretary", "driver", "architect"], Order(tasks));
        Assert.Equal(["inproc://db", "inproc://web"], tasks[1].Waits);
    }

    [Fact]
    public void Tasks_without_a_relation_keep_their_order() =>
        Assert.Equal(["b", "a", "c"], Order([Wired("b"), Wired("a"), Wired("c")]));

    [Fact]
    public void Tasks_that_wait_for_each_other_are_refused_by_name()
    {
        var failure = Assert.Throws<WiringException>(() => Order(
        [
            Wired("outside", asks: ["inproc://a"]),
            Wired("a", answers: ["inproc://a"], asks: ["inproc://b"]),
            Wired("b", answers: ["inproc://b"], asks: ["inproc://a"]),
        ]));
        Assert.Contains("a -> b -> a", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("outside", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_address_that_nobody_binds_is_refused_unless_it_is_bound_elsewhere()
    {
        var task = Wired("alone", connects: ["inproc://status"]);
        var failure = Assert.Throws<WiringException>(() => Order([task]));
        Assert.Contains("alone connects to inproc://status", failure.Message, StringComparison.Ordinal);
        Assert.Equal([task], TaskWiring.StartOrder([task], ["inproc://status"]));
    }

    [Fact]
    public void An_address_that_two_bind_is_refused() =>
        Assert.Throws<WiringException>(() => Order([Wired("a", ["inproc://x"]), Wired("b", ["inproc://x"])]));

    private static IEnumerable<string> Order(IEnumerable<TaskLoop> tasks) =>
        TaskWiring.StartOrder(tasks).Select(task => task.Name);

    private ScriptedTask Wired(
        string name, string[]? binds = null, string[]? connects = null, string[]? answers = null, string[]? asks = null)
    {
        var task = _bed.Task(name);
        foreach (var address in binds ?? [])
            task.BindRaw(ZmqSocketType.Pull, address);
        foreach (var address in connects ?? [])
            task.ConnectRaw(ZmqSocketType.Push, address);
        foreach (var address in answers ?? [])
            task.BindRpc<Note, Note>(address, Task.FromResult);
        foreach (var address in asks ?? [])
            task.ConnectRpc<Note, Note>(address);
        return task;
    }
}
