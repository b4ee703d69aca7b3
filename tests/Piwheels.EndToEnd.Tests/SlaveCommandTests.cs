using System.Net.Sockets;
using System.Text;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>The slave as a service of systemd's, and what it finds missing.</summary>
public sealed class SlaveCommandTests
{
    [Fact]
    public async Task It_tells_systemd_that_it_is_up_that_it_lives_and_that_it_goes()
    {
        using var folder = new TemporaryFolder();
        File.SetUnixFileMode(folder.Path, (UnixFileMode)0b111_111_111);
        using var systemd = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        systemd.Bind(new UnixDomainSocketEndPoint(folder["notify"]));
        File.SetUnixFileMode(folder["notify"], (UnixFileMode)0b110_110_110);
        using var limit = new CancellationTokenSource(PiwProcess.Limit);
        await using var slave = PiwProcess.StartAsUser(
            ["slave", "--dir", folder.Path, "--sandbox", "never", "--slave-queue", $"ipc://{folder["no-master"]}"],
            new Dictionary<string, string> { ["NOTIFY_SOCKET"] = folder["notify"], ["WATCHDOG_USEC"] = "200000" });
        Assert.Equal("READY=1", await HearAsync());
        Assert.Equal("WATCHDOG=1", await HearAsync());
        Assert.Equal("WATCHDOG=1", await HearAsync()); // With no master to speak to there is nothing else that it does
        slave.Signal("TERM");
        string word;
        do word = await HearAsync();
        while (word == "WATCHDOG=1");
        Assert.Equal("STOPPING=1", word);
        // From here on nobody listens: it ends all the same
        Assert.Equal(0, await slave.EndAsync());

        async Task<string> HearAsync()
        {
            var buffer = new byte[100];
            return Encoding.ASCII.GetString(buffer, 0, await systemd.ReceiveAsync(buffer, limit.Token));
        }
    }

    [Fact]
    public async Task A_check_of_a_machine_where_it_can_work_lists_all_and_ends_well()
    {
        using var folder = new TemporaryFolder();
        File.SetUnixFileMode(folder.Path, (UnixFileMode)0b111_111_111);
        await using var check = PiwProcess.StartAsUser("slave", "--check", "--dir", folder.Path);
        Assert.Equal(0, await check.EndAsync());
        Assert.Contains("good     Python", check.Output, StringComparison.Ordinal);
        Assert.Contains("good     sandbox", check.Output, StringComparison.Ordinal);
        Assert.Contains("good     venv", check.Output, StringComparison.Ordinal);
        Assert.Contains("poor     slave queue  tcp://localhost:5555 does not answer", check.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--check-elf", "often", "'often' is none of always, never")]
    [InlineData("--check-import", "often", "'often' is none of auto, always, never")]
    [InlineData("--check-import-time", "often", "'often'")]
    public async Task What_is_asked_of_wheels_is_one_of_few_words(string option, string value, string fault)
    {
        await using var slave = PiwProcess.StartAsUser("slave", option, value);
        Assert.Equal(2, await slave.EndAsync());
        Assert.Contains(fault, slave.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_check_that_finds_what_a_slave_cannot_do_without_says_how_to_mend_it_and_fails()
    {
        using var folder = new TemporaryFolder();
        await using var check = PiwProcess.Start(
            "unshare",
            [
                "--user", "--map-root-user", "--mount", "sh", "-c",
                $"mount -t tmpfs -o noexec tmpfs {folder.Path} && exec {PiwProcess.Program} slave --check --sandbox never --dir {folder.Path}",
            ],
            environment: null);
        Assert.Equal(1, await check.EndAsync());
        Assert.Contains("MISSING  folder", check.Output, StringComparison.Ordinal);
        Assert.Contains("noexec", check.Output, StringComparison.Ordinal);
        Assert.Contains("To mend it, as root:", check.Output, StringComparison.Ordinal);
    }
}
