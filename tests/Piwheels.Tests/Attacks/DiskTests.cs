using Microsoft.Extensions.Logging;
using Piwheels.Core.Packaging;
using Piwheels.Master.Building;
using Piwheels.Messaging.Protocols;
using Piwheels.Tests.Building;
using Xunit;

namespace Piwheels.Tests.Attacks;

/// <summary>A disk that is nearly full, whoever filled it.</summary>
public sealed class DiskTests
{
    [Fact]
    public async Task Below_its_limit_the_farm_gives_out_no_work_and_goes_on_by_itself()
    {
        await using var farm = await AttackedFarm.StartAsync();
        using var slave = farm.Stranger();
        slave.Ask(new SlaveRequest.Hello(Slaves.Hello));
        var limit = farm.Bench.Configuration.DiskMin;

        await LookAsync(farm, limit - 1, isOpen: false);
        for (var count = 0; count < 3; count++)
        {
            var told = slave.AssertReply<SlaveReply.Sleep>(new SlaveRequest.Idle(Slaves.Stats));
            Assert.True(told.Paused);
        }

        await LookAsync(farm, limit, isOpen: false);
        await LookAsync(farm, limit * 2, isOpen: true);

        Assert.Equal(
            AttackedFarm.Scipy, slave.AssertReply<SlaveReply.Build>(new SlaveRequest.Idle(Slaves.Stats)).Release);
        Assert.Single(farm.Bench.Log.Entries, line => line.Level == LogLevel.Warning
            && line.Message.Contains("nothing is given out to be built", StringComparison.Ordinal));
        await farm.EndAsync();
    }

    private static async Task LookAsync(AttackedFarm farm, long free, bool isOpen)
    {
        farm.Bench.DiskFree = free;
        // A look may be under way that saw what was before
        for (var looks = 0; looks < 3 || farm.Bench.Driver.GivesOutWork != isOpen; looks++)
        {
            Assert.InRange(looks, 0, 1_000);
            farm.Bench.Bed.Time.Advance(SlaveDriver.DiskInterval);
            await farm.Bench.SettleAsync();
            await farm.Bench.Files.DiskAsync();
        }

        Assert.Equal(isOpen, farm.Bench.Driver.GivesOutWork);
    }
}
