using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Piwheels.Core.Packaging;
using Piwheels.Master.Transfers;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Piwheels.Tests.Building;
using Xunit;

namespace Piwheels.Tests.Transfers;

/// <summary>How files reach the disk that are so large that they are written aside.</summary>
public sealed class LargeFileTests
{
    private static readonly TransferOwner Slave3 = TransferOwner.Slave(3);
    private static readonly PackageName Numpy = Slaves.Numpy.Package;

    [Fact]
    public async Task Several_large_files_arrive_at_a_time_each_whole_and_in_order()
    {
        await using var farm = await FarmBench.StartAsync();
        var wheels = Enumerable.Range(1, 4).Select(number => (
            Owner: TransferOwner.Slave(number),
            Wheel: farm.Wheel(
                new WheelMaker("numpy", $"2.{number}.0", "cp311-cp311-linux_armv7l")
                    .With("data.bin", RandomNumberGenerator.GetBytes((number * 1_000_000) + 1))))).ToList();
        foreach (var (owner, wheel) in wheels) await farm.Files.ExpectAsync(owner, wheel.State).Within();

        await Task.WhenAll(wheels.Select(each => farm.SendAsync(each.Owner.Number, each.Wheel.Path)));

        foreach (var (owner, wheel) in wheels)
        {
            Assert.IsType<VerifyResult.Verified>(await farm.Files.VerifyAsync(owner, Numpy).Within());
            await farm.PublishAsync(owner, wheel.State);
            Assert.Equal(
                await File.ReadAllBytesAsync(wheel.Path),
                await File.ReadAllBytesAsync(farm.Output($"simple/numpy/{wheel.State.Filename}")));
        }
    }

    [Fact]
    public async Task A_large_file_that_is_forgotten_while_it_comes_leaves_nothing()
    {
        await using var farm = await FarmBench.StartAsync();
        var (_, state) = farm.Wheel(Large());
        await farm.Files.ExpectAsync(Slave3, state).Within();
        using var sender = farm.Bed.Zmq.CreateSocket(ZmqSocketType.Dealer);
        sender.Connect(farm.FileAddress);
        Assert.True(sender.TrySend("HELLO"u8.ToArray(), "3"u8.ToArray()));
        Assert.True(sender.WaitReadable(Waiting.Limit));
        for (var offset = 0; offset < 10 * 65_536; offset += 65_536)
        {
            Assert.True(sender.TrySend(
                "CHUNK"u8.ToArray(), Encoding.ASCII.GetBytes(offset.ToString(CultureInfo.InvariantCulture)), new byte[65_536]));
        }

        await farm.Files.ForgetAsync(Slave3).Within();

        await farm.Files.ExpectAsync(Slave3, state).Within();
        Assert.IsType<VerifyResult.Mismatched>(await farm.Files.VerifyAsync(Slave3, Numpy).Within());
        Assert.Empty(farm.OutputFiles());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_disk_that_fills_up_during_a_transfer_ends_it(bool isLarge)
    {
        await using var farm = await FarmBench.StartAsync();
        var (_, state) = isLarge ? farm.Wheel(Large()) : farm.Wheel();
        await farm.Files.ExpectAsync(Slave3, state).Within();
        farm.DiskFree = 0;
        farm.Bed.Time.Advance(FileJuggler.StatisticsInterval);
        await farm.Stats.NextAsync(message => message is StatsMessage.Disk { Free: 0 });
        using var sender = farm.Bed.Zmq.CreateSocket(ZmqSocketType.Dealer);
        sender.Connect(farm.FileAddress);
        Assert.True(sender.TrySend("HELLO"u8.ToArray(), "3"u8.ToArray()));
        Assert.True(sender.WaitReadable(Waiting.Limit));

        Assert.True(sender.TrySend("CHUNK"u8.ToArray(), "0"u8.ToArray(), new byte[Math.Min(65_536, (int)state.FileSize)]));

        await farm.Log.WhenAsync(line => line.Message.Contains("cannot be stored", StringComparison.Ordinal));
        Assert.IsType<VerifyResult.Mismatched>(await farm.Files.VerifyAsync(Slave3, Numpy).Within());
        Assert.Empty(farm.OutputFiles());
    }

    private static WheelMaker Large() =>
        new WheelMaker("numpy", "2.1.0", "cp311-cp311-linux_armv7l").With("data.bin", RandomNumberGenerator.GetBytes(3_000_000));
}
