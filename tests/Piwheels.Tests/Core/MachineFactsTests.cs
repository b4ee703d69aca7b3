using Piwheels.Core.Machine;
using Xunit;

namespace Piwheels.Tests.Core;

public sealed class MachineFactsTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2024, 5, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly string _root = Directory.CreateTempSubdirectory("machine").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void A_Raspberry_Pi_tells_who_it_is()
    {
        Write("proc/sys/kernel/hostname", "pi42\n");
        Write("etc/os-release", "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION=\"12 (bookworm)\"\n");
        Write("proc/cpuinfo", "processor\t: 0\n\nHardware\t: BCM2835\nRevision\t: a02082\nSerial\t\t: 00000000abcdef01\n");

        Assert.Equal(
            new MachineIdentity("pi42", "Debian GNU/Linux", "12 (bookworm)", "a02082", "00000000abcdef01"),
            new MachineFacts(_root).Identity());
    }

    [Fact]
    public void The_device_tree_tells_what_cpuinfo_does_not()
    {
        Write("proc/cpuinfo", "processor\t: 0\n");
        Write("proc/device-tree/serial-number", "10000000abcdef02\0");
        Directory.CreateDirectory(Path.Combine(_root, "proc/device-tree/system"));
        File.WriteAllBytes(Path.Combine(_root, "proc/device-tree/system/linux,revision"), [0x00, 0xc0, 0x31, 0x11]);

        var identity = new MachineFacts(_root).Identity();

        Assert.Equal(("c03111", "10000000abcdef02"), (identity.BoardRevision, identity.BoardSerial));
    }

    [Fact]
    public void A_rolling_system_has_a_version_id_or_none()
    {
        Write("etc/os-release", "NAME=Arch\nVERSION_ID='2024'\n");
        Assert.Equal("2024", new MachineFacts(_root).Identity().OsVersion);
        Write("etc/os-release", "NAME=Arch\n");
        Assert.Equal(MachineFacts.Unknown, new MachineFacts(_root).Identity().OsVersion);
    }

    [Fact]
    public void Figures_are_in_bytes_and_degrees()
    {
        Write("proc/meminfo", "MemTotal:  1000 kB\nMemFree:  100 kB\nMemAvailable:  400 kB\nSwapTotal: 50 kB\nSwapFree: 25 kB\n");
        Write("proc/loadavg", "1.25 0.50 0.10 1/100 1234\n");
        Write("sys/class/thermal/thermal_zone0/type", "acpitz\n");
        Write("sys/class/thermal/thermal_zone0/temp", "10000\n");
        Write("sys/class/thermal/thermal_zone1/type", "cpu-thermal\n");
        Write("sys/class/thermal/thermal_zone1/temp", "48312\n");

        var stats = new MachineFacts(_root).Stats(Now, "/");

        Assert.Equal(Now, stats.Timestamp);
        Assert.Equal((1_024_000, 409_600, 51_200, 25_600), (stats.MemSize, stats.MemFree, stats.SwapSize, stats.SwapFree));
        Assert.Equal(1.25, stats.LoadAverage);
        Assert.Equal(48.312, stats.CpuTemp, 6);
        Assert.InRange(stats.DiskFree, 0, stats.DiskSize);
    }

    [Fact]
    public void A_machine_without_a_processor_zone_tells_the_first()
    {
        Write("sys/class/thermal/thermal_zone0/temp", "31000\n");
        Assert.Equal(31, new MachineFacts(_root).CpuTemperature());
    }

    [Theory]
    [InlineData("")]
    [InlineData("\0\0\0\n\0")]
    [InlineData("MemTotal\n:::\nMemTotal:\nNAME\n=x\nNAME=")]
    [InlineData("MemTotal: -5 kB\nSwapTotal: 99999999999999999999 kB\nSwapFree: 9223372036854775807 kB\nNaN\nNAME=\u0001")]
    public void Strange_files_give_zeros_and_unknown(string text)
    {
        foreach (var path in (string[])["proc/meminfo", "proc/loadavg", "proc/cpuinfo", "etc/os-release",
            "sys/class/thermal/thermal_zone0/temp"])
        {
            Write(path, text);
        }

        AssertUnknown(new MachineFacts(_root));
    }

    [Theory]
    [InlineData("NaN")]
    [InlineData("Infinity")]
    [InlineData("1e300")]
    public void A_load_that_is_no_number_is_zero(string text)
    {
        Write("proc/loadavg", text);
        Write("sys/class/thermal/thermal_zone0/temp", text);
        AssertUnknown(new MachineFacts(_root));
    }

    [Fact]
    public void Missing_files_give_zeros_and_unknown()
    {
        AssertUnknown(new MachineFacts(_root));
        AssertUnknown(new MachineFacts(Path.Combine(_root, "nowhere")));
        Assert.Equal((0, 0), MachineFacts.Disk(""));
    }

    [Fact]
    public void A_huge_file_is_cut_and_a_long_text_too()
    {
        Write("proc/sys/kernel/hostname", new string('h', 4 << 20));
        Assert.Equal(MachineFacts.TextLengthMax, new MachineFacts(_root).Identity().Label.Length);
    }

    [Fact]
    public void This_machine_has_memory_a_disk_and_a_system()
    {
        var facts = new MachineFacts();
        var stats = facts.Stats(Now, Path.GetTempPath());

        Assert.True(stats.MemSize > 0 && stats.DiskSize > 0);
        Assert.NotEqual(MachineFacts.Unknown, facts.Identity().OsName);
    }

    private static void AssertUnknown(MachineFacts facts)
    {
        var stats = facts.Stats(Now, "/");
        Assert.Equal((0, 0, 0, 0), (stats.MemSize, stats.MemFree, stats.SwapSize, stats.SwapFree));
        Assert.Equal((0, 0), (stats.LoadAverage, stats.CpuTemp));
        var unknown = MachineFacts.Unknown;
        Assert.Equal(new MachineIdentity(unknown, unknown, unknown, unknown, unknown), facts.Identity());
    }

    private void Write(string path, string text)
    {
        var full = Path.Combine(_root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, text);
    }
}
