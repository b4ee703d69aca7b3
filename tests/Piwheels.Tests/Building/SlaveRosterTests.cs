using Piwheels.Master.Building;
using Piwheels.Messaging.Protocols;
using Xunit;

namespace Piwheels.Tests.Building;

public sealed class SlaveRosterTests
{
    private readonly SlaveRoster _roster = new(slavesMax: 3);

    [Fact]
    public void Numbers_count_up_from_one()
    {
        Assert.Equal([1, 2, 3], [Greet(10)!.Id, Greet(11)!.Id, Greet(12)!.Id]);
        Assert.True(_roster.TryFind(Slaves.Address(11), out var second));
        Assert.Equal(2, second.Id);
        Assert.False(_roster.TryFind(Slaves.Address(13), out _));
    }

    [Fact]
    public void A_hello_of_a_known_address_is_a_new_slave_in_place_of_the_old_one()
    {
        var first = Greet(10)!;
        Assert.Null(_roster.Greet(Slaves.Address(10), Slaves.Hello, Slaves.Start, out var gone));
        Assert.Null(gone);
        var later = Slaves.Start + SlaveRoster.HelloIntervalMin;
        var again = _roster.Greet(Slaves.Address(10), Slaves.Hello, later, out gone)!;

        Assert.Same(first, gone);
        Assert.Equal(2, again.Id);
        Assert.Equal(1, _roster.Count);
        Assert.False(_roster.IsCurrent(first));
        Assert.True(_roster.IsCurrent(again));
    }

    [Fact]
    public void A_full_roster_takes_nobody_while_all_in_it_are_alive()
    {
        for (var i = 0; i < 3; i++) Greet(i)!.Replied(new SlaveReply.Sleep(Paused: false), Slaves.Start);

        var later = Slaves.Start + TimeSpan.FromMinutes(1);
        Assert.Null(_roster.Greet(Slaves.Address(9), Slaves.Hello, later, out var gone));
        Assert.Null(gone);
    }

    [Fact]
    public void Those_that_said_hello_and_nothing_else_make_room_in_a_full_roster()
    {
        for (var i = 0; i < 3; i++) Greet(i);
        Assert.Null(_roster.Greet(Slaves.Address(9), Slaves.Hello, Slaves.Start + TimeSpan.FromSeconds(30), out _));

        var later = Slaves.Start + TimeSpan.FromSeconds(31);
        var slave = _roster.Greet(Slaves.Address(9), Slaves.Hello, later, out var gone);

        Assert.NotNull(slave);
        Assert.NotNull(gone);
        Assert.Equal(3, _roster.Count);
    }

    [Fact]
    public void Silent_slaves_are_forgotten()
    {
        Greet(1);
        var alive = Greet(2)!;
        var later = Slaves.Start + TimeSpan.FromMinutes(5);
        alive.Receive(new SlaveRequest.Idle(Slaves.Stats), later);

        Assert.Empty(_roster.Expire(later));
        Assert.Equal([1], _roster.Expire(later + TimeSpan.FromSeconds(1)).Select(slave => slave.Id));
        Assert.Equal([2], _roster.All.Select(slave => slave.Id));
    }

    [Fact]
    public void A_control_message_finds_one_slave_or_all()
    {
        Greet(1);
        Greet(2);

        Assert.Equal([2], _roster.Find(2).Select(slave => slave.Id));
        Assert.Equal([1, 2], _roster.Find(null).Select(slave => slave.Id));
        Assert.Empty(_roster.Find(3));
    }

    [Fact]
    public void A_stranger_is_new_once()
    {
        Assert.True(_roster.IsNewStranger(Slaves.Address(1)));
        Assert.False(_roster.IsNewStranger(Slaves.Address(1)));
        Assert.True(_roster.IsNewStranger(Slaves.Address(2)));
    }

    [Fact]
    public void A_hello_that_names_no_target_is_refused()
    {
        Assert.Null(HelloCheck.Refusal(Slaves.Hello));
        Assert.NotNull(HelloCheck.Refusal(Slaves.Hello with { Abi = "none" }));
        Assert.NotNull(HelloCheck.Refusal(Slaves.Hello with { Abi = "" }));
        Assert.NotNull(HelloCheck.Refusal(Slaves.Hello with { Abi = "cp311\n" }));
        Assert.NotNull(HelloCheck.Refusal(Slaves.Hello with { Platform = "any" }));
        Assert.NotNull(HelloCheck.Refusal(Slaves.Hello with { Platform = "../linux" }));
        Assert.NotNull(HelloCheck.Refusal(Slaves.Hello with { Platform = new string('a', 101) }));
        Assert.NotNull(HelloCheck.Refusal(Slaves.Hello with { PyVersion = "3.11" }));
        Assert.NotNull(HelloCheck.Refusal(Slaves.Hello with { BusyTimeout = TimeSpan.Zero }));
        Assert.NotNull(HelloCheck.Refusal(Slaves.Hello with { BuildTimeout = TimeSpan.FromSeconds(-1) }));
    }

    [Fact]
    public void The_texts_of_a_hello_are_made_fit_for_a_terminal()
    {
        Assert.Same(Slaves.Hello.Label, HelloCheck.Clean(Slaves.Hello).Label);
        Assert.Equal("pi?[2J", HelloCheck.Clean(Slaves.Hello with { Label = "pi\u001b[2J" }).Label);
        Assert.Equal(200, HelloCheck.Clean(Slaves.Hello with { OsName = new string('x', 500) }).OsName.Length);
    }

    private SlaveSession? Greet(int address) =>
        _roster.Greet(Slaves.Address(address), Slaves.Hello, Slaves.Start, out _);
}
