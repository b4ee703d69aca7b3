using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.Recipes;
using Piwheels.Core.States;
using Piwheels.Master.Building;
using Piwheels.Messaging.Protocols;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Building;

/// <summary>Who gets what, by recipes: slaves of this program as they have the packages, others as before.</summary>
public sealed class RecipeDispatchTests
{
    private const string NeedsBlas = "[numpy]\napt = libopenblas-dev\nenvironment.CFLAGS = -O1";
    private static readonly SlaveRequest Python = new SlaveRequest.Hello(Slaves.Hello);
    private static readonly SlaveRequest Own = new SlaveRequest.Hello(Slaves.Hello.Marked);
    private static readonly SlaveRequest Idle = new SlaveRequest.Idle(Slaves.Stats);
    private static readonly Release Six = new(PackageName.Parse("six"), "1.17.0");

    [Fact]
    public async Task A_slave_that_has_the_packages_gets_the_build_with_its_recipe()
    {
        await using var farm = await FarmBench.StartAsync(recipes: NeedsBlas);
        await farm.PushAsync(Slaves.Numpy);
        using var slave = farm.Slave();

        Assert.Equal(["libopenblas-dev"], slave.AssertReply<SlaveReply.Ack>(Own).Apt);
        slave.AssertReply<SlaveReply.Cont>(Has("libopenblas-dev", "libnobody-asked-dev"));
        var build = slave.AssertReply<SlaveReply.Build>(Idle);

        Assert.Equal(["libopenblas-dev"], build.Recipe!.Apt);
        Assert.Equal("-O1", build.Recipe.Environment["CFLAGS"]);
    }

    [Fact]
    public async Task A_slave_without_the_packages_gets_what_stands_behind()
    {
        await using var farm = await StartWithSixAsync(NeedsBlas);
        await farm.PushAsync(Slaves.Numpy, Six);
        using var slave = Come(farm, Own, Has());

        Assert.Equal(new SlaveReply.Build(Six), slave.Ask(Idle));
    }

    [Fact]
    public async Task A_slave_that_has_not_said_what_it_has_gets_none_of_it()
    {
        await using var farm = await FarmBench.StartAsync(recipes: NeedsBlas);
        await farm.PushAsync(Slaves.Numpy);
        using var slave = farm.Slave();
        slave.Ask(Own);
        slave.AssertReply<SlaveReply.Sleep>(Idle);
    }

    [Fact]
    public async Task A_slave_of_piwheels_sees_nothing_new_and_gets_no_recipe()
    {
        await using var farm = await StartWithSixAsync(NeedsBlas);
        await farm.PushAsync(Slaves.Numpy, Six);
        using var slave = farm.Slave();
        Assert.Equal(new SlaveReply.Ack(1, "https://pypi.org/simple"), slave.Ask(Python));
        Assert.Equal(new SlaveReply.Build(Six), slave.Ask(Idle));
    }

    [Fact]
    public async Task A_slave_of_piwheels_gets_what_has_mere_limits_and_all_where_the_operator_says_so()
    {
        await using var limited = await FarmBench.StartAsync(recipes: "[numpy]\ntimeout = 1h\nnetwork = none");
        await limited.PushAsync(Slaves.Numpy);
        using var slave = Come(limited, Python);
        Assert.Equal(new SlaveReply.Build(Slaves.Numpy), slave.Ask(Idle));

        await using var open = await FarmBench.StartAsync(recipes: NeedsBlas, recipesForAll: true);
        await open.PushAsync(Slaves.Numpy);
        using var other = Come(open, Python);
        Assert.Equal(new SlaveReply.Build(Slaves.Numpy), other.Ask(Idle));
    }

    [Fact]
    public async Task A_slave_of_piwheels_that_says_FACTS_dies()
    {
        await using var farm = await FarmBench.StartAsync(recipes: NeedsBlas);
        using var slave = Come(farm, Python);
        slave.AssertReply<SlaveReply.Die>(Has("libopenblas-dev"));
    }

    [Fact]
    public async Task FACTS_in_the_middle_of_a_build_are_out_of_order()
    {
        await using var farm = await FarmBench.StartAsync();
        await farm.PushAsync(Slaves.Numpy);
        using var slave = Come(farm, Own);
        slave.AssertReply<SlaveReply.Build>(Idle);
        slave.AssertReply<SlaveReply.Die>(Has());
    }

    [Fact]
    public async Task Monitors_see_neither_the_mark_nor_the_questions()
    {
        await using var farm = await FarmBench.StartAsync(recipes: NeedsBlas);
        using var slave = Come(farm, Own, Has());
        slave.AssertReply<SlaveReply.Sleep>(Idle);
        var told = new List<SlaveEvent>();
        do told.Add(Assert.IsType<StatusMessage.Slave>(await farm.Status.NextAsync()).Event);
        while (told[^1] is not SlaveEvent.Sleep);
        Assert.Equal(["HELLO", "STATS", "SLEEP"], told.Select(what => what.Name));
        Assert.Equal(Slaves.Hello, Assert.IsType<SlaveEvent.Hello>(told[0]).Slave);
    }

    [Fact]
    public async Task What_no_slave_can_build_is_held_with_what_is_missing_and_let_go_when_one_comes()
    {
        await using var farm = await FarmBench.StartAsync(recipes: NeedsBlas);
        using var without = Come(farm, Own, Has());
        farm.Push(Slaves.Numpy);
        var line = farm.Log.WhenSaidAsync("no slave has the apt package libopenblas-dev");
        await PassAsync(farm, line);
        Assert.Equal([Held("no slave has the apt package libopenblas-dev")], await farm.Database.GetHeldBuildsAsync());
        Assert.Empty((await farm.Database.GetBuildQueueAsync())[Slaves.Hello.Target]);

        using var with = Come(farm, Own, Has("libopenblas-dev"));
        await PassAsync(farm, farm.Log.WhenSaidAsync("waits for cp311 on linux_armv7l as any other again"));
        Assert.Empty(await farm.Database.GetHeldBuildsAsync());
        await farm.PushAsync(Slaves.Numpy);
        with.AssertReply<SlaveReply.Build>(Idle);
    }

    [Fact]
    public async Task Nothing_is_held_for_want_of_slaves()
    {
        await using var farm = await FarmBench.StartAsync(recipes: NeedsBlas);
        await farm.PushAsync(Slaves.Numpy);
        farm.Bed.Time.Advance(SlaveDriver.HoldsInterval * 3);
        await farm.SettleAsync();
        Assert.Empty(await farm.Database.GetHeldBuildsAsync());
    }

    [Fact]
    public async Task What_is_skipped_is_held_with_the_reason_and_built_by_nobody()
    {
        await using var farm = await FarmBench.StartAsync(recipes: "[numpy]\nskip = too big for us");
        farm.Push(Slaves.Numpy);
        using var slave = Come(farm, Python);
        slave.AssertReply<SlaveReply.Sleep>(Idle);
        await PassAsync(farm, farm.Log.WhenSaidAsync("too big for us"));
        Assert.Equal([Held("too big for us", skipped: true)], await farm.Database.GetHeldBuildsAsync());
    }

    [Fact]
    public async Task Recipes_are_read_again_when_they_change_and_slaves_are_asked_again()
    {
        await using var farm = await FarmBench.StartAsync(recipes: "[numpy]\nskip = not now");
        using var slave = farm.Slave();
        Assert.Empty(slave.AssertReply<SlaveReply.Ack>(Own).Apt!);
        farm.Push(Slaves.Numpy);
        await PassAsync(farm, farm.Log.WhenSaidAsync("not now"));
        slave.AssertReply<SlaveReply.Sleep>(Idle);

        farm.WriteRecipes(NeedsBlas);
        await PassAsync(farm, farm.Log.WhenSaidAsync("as any other again"));
        Assert.Equal(["libopenblas-dev"], slave.AssertReply<SlaveReply.Ask>(Idle).Apt);
        slave.AssertReply<SlaveReply.Cont>(Has("libopenblas-dev"));
        await farm.PushAsync(Slaves.Numpy);
        slave.AssertReply<SlaveReply.Build>(Idle);
    }

    [Fact]
    public async Task Recipes_that_are_wrong_change_nothing_and_are_told_once()
    {
        await using var farm = await FarmBench.StartAsync(recipes: NeedsBlas);
        using var slave = Come(farm, Own, Has("libopenblas-dev"));
        await farm.PushAsync(Slaves.Numpy);

        farm.WriteRecipes("[numpy]\napt = Nonsense");
        await PassAsync(farm, farm.Log.WhenSaidAsync("test.conf:2: [numpy] apt: 'Nonsense'"));
        for (var i = 0; i < 3; i++)
        {
            farm.Bed.Time.Advance(SlaveDriver.RecipesInterval);
            await farm.SettleAsync();
        }

        Assert.Single(farm.Log.Entries, line => line.Message.Contains("Nonsense", StringComparison.Ordinal));
        Assert.Equal("-O1", slave.AssertReply<SlaveReply.Build>(Idle).Recipe!.Environment["CFLAGS"]);
    }

    [Fact]
    public async Task What_was_held_before_a_start_is_let_go_by_a_master_without_recipes()
    {
        await using var farm = await FarmBench.StartAsync(
            prepare: farm => _ = farm.Database.HoldBuildsAsync([Held("an old reason")]));
        await PassAsync(farm, farm.Log.WhenSaidAsync("as any other again"));
        Assert.Empty(await farm.Database.GetHeldBuildsAsync());
    }

    [Fact]
    public void A_recipe_that_says_nothing_is_none() => Assert.True(new Recipe() == Recipe.None);

    private static SlaveRequest.Facts Has(params string[] packages) => new(packages);

    private static HeldBuild Held(string reason, bool skipped = false) =>
        new(Slaves.Numpy, Slaves.Hello.Target, skipped, reason);

    private static SlavePeer Come(FarmBench farm, params SlaveRequest[] words)
    {
        var slave = farm.Slave();
        foreach (var word in words) slave.Ask(word);
        return slave;
    }

    /// <summary>Lets time pass until something is logged.</summary>
    private static async Task PassAsync(FarmBench farm, Task logged)
    {
        using var limit = new CancellationTokenSource(Waiting.Limit);
        while (!logged.IsCompleted && !limit.IsCancellationRequested)
        {
            farm.Bed.Time.Advance(SlaveDriver.HoldsInterval);
            await farm.SettleAsync();
        }

        await logged.Within();
    }

    private static async Task<FarmBench> StartWithSixAsync(string recipes)
    {
        var farm = await FarmBench.StartAsync(recipes: recipes);
        await farm.Database.AddNewPackageAsync(Six.Package);
        await farm.Database.AddNewPackageVersionAsync(Six);
        return farm;
    }
}
