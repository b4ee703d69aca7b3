using System.Text.Json;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Building;

/// <summary>A slave of a Python fleet on our master, over real sockets.</summary>
public sealed class PythonSlaveTests
{
    [Theory]
    [InlineData("11")]
    [InlineData("10")]
    public async Task A_python_slave_builds_and_sends_its_wheel(string fields)
    {
        var (replies, farm) = await RunAsync("--fields", fields);
        await using (farm)
        {
            Assert.Equal(["ACK", "BUILD", "CONT", "SEND", "DONE", "SLEEP"], replies);
            var build = Assert.Single(farm.Database.Builds);
            Assert.True(build.Status);
            Assert.Equal("Successfully built ünïcode\n", await farm.LogPublishedAsync());
            Assert.Equal(TimeSpan.FromSeconds(93.25), build.Duration);
            Assert.Equal("/simple", Assert.Single(build.Files).Location);
            Assert.Equal(2, farm.OutputFiles().Count);
        }
    }

    [Fact]
    public async Task A_python_slave_whose_transfer_was_damaged_sends_it_again()
    {
        var (replies, farm) = await RunAsync("--corrupt", "1");
        await using (farm)
        {
            Assert.Equal(["ACK", "BUILD", "CONT", "SEND", "SEND", "DONE", "SLEEP"], replies);
            Assert.True(Assert.Single(farm.Database.Builds).Status);
        }
    }

    [Fact]
    public async Task A_python_slave_tells_of_a_failed_build()
    {
        var (replies, farm) = await RunAsync("--fail");
        await using (farm)
        {
            Assert.Equal(["ACK", "BUILD", "CONT", "DONE", "SLEEP"], replies);
            Assert.Single(farm.Database.Builds);
            Assert.Equal("error: gcc failed\n", await farm.LogPublishedAsync());
        }
    }

    [Fact]
    public async Task A_python_slave_with_a_key_of_the_list_builds_and_sends_over_curve()
    {
        await using var farm = await FarmBench.StartAsync(keyed: true);
        var keys = farm.NewSlaveKeys("python");
        var replies = await RunAsync(
            farm, farm.KeyedSlaveAddress, farm.KeyedFileAddress,
            $"--curve={keys.ServerPublicKey},{keys.PublicKey},{keys.SecretKey}");
        Assert.Equal(["ACK", "BUILD", "CONT", "SEND", "DONE", "SLEEP"], replies);
        Assert.True(Assert.Single(farm.Database.Builds).Status);
        Assert.True(farm.Log.Says("with the key of python"));
        Assert.DoesNotContain(farm.Log.Entries, line => $"{line}".Contains(keys.SecretKey, StringComparison.Ordinal));
    }

    private static async Task<(IReadOnlyList<string> Replies, FarmBench Farm)> RunAsync(params string[] options)
    {
        var farm = await FarmBench.StartAsync();
        return (await RunAsync(farm, Local(farm.SlaveAddress), Local(farm.FileAddress), options), farm);
    }

    private static async Task<IReadOnlyList<string>> RunAsync(
        FarmBench farm, string slaveAddress, string fileAddress, params string[] options)
    {
        await farm.PushAsync(Slaves.Numpy);
        // Large enough for several rounds of FETCHes
        var noise = new byte[2_000_000];
        new Random(1).NextBytes(noise);
        var wheel = farm.Wheel(
            new WheelMaker("numpy", "2.1.0", "cp311-cp311-linux_armv7l").With("numpy/core.so", noise)).Path;
        await using var peer = PythonPeer.Start(
            "slave.py", [slaveAddress, fileAddress, wheel, .. options]);
        var replies = new List<string>();
        while (!replies.Contains("DONE") || replies[^1] != "SLEEP")
        {
            try
            {
                using var line = JsonDocument.Parse(await peer.ReadLineAsync());
                replies.Add(line.RootElement[0].GetString()!);
            }
            catch (TimeoutException)
            {
                var log = string.Join('\n', farm.Log.Entries);
                Assert.Fail($"after {string.Join(' ', replies)}:\n{log}\n{peer.Errors}");
            }
        }

        Assert.Equal(0, await peer.ExitAsync());
        await farm.Log.WhenAsync(entry => entry.Message.Contains("it said BYE", StringComparison.Ordinal));
        return replies;
    }

    /// <summary>The name that Python tools use, which may mean either loopback address.</summary>
    private static string Local(string address) => $"tcp://localhost:{address[(address.LastIndexOf(':') + 1)..]}";
}
