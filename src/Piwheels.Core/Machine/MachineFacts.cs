using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Piwheels.Core.States;

namespace Piwheels.Core.Machine;

/// <summary>
/// What a machine tells of itself below /proc, /sys and /etc (proc(5), os-release(5)). Nothing here throws: where a
/// file is missing or strange, texts are <see cref="Unknown"/> and figures 0.
/// </summary>
/// <param name="root">The folder that holds <c>proc</c>, <c>sys</c> and <c>etc</c>.</param>
public sealed class MachineFacts(string root = "/")
{
    public const string Unknown = "unknown";

    /// <summary>The longest text that is passed on, in characters.</summary>
    public const int TextLengthMax = 100;

    // A cpuinfo of a machine with hundreds of processors has about 1.5 KB for each
    private const int FileBytesMax = 1 << 20;

    /// <summary>Who the machine is: its names, system and board. Does not change while it runs.</summary>
    public MachineIdentity Identity()
    {
        var system = ReadAssignments("etc/os-release", "usr/lib/os-release");
        var board = ReadColonPairs("proc/cpuinfo");
        return new MachineIdentity(
            FirstText(ReadText("proc/sys/kernel/hostname"), ReadText("etc/hostname")),
            FirstText(system.GetValueOrDefault("NAME")),
            FirstText(system.GetValueOrDefault("VERSION"), system.GetValueOrDefault("VERSION_ID")),
            FirstText(board.GetValueOrDefault("Revision"), RevisionOfDeviceTree()),
            FirstText(board.GetValueOrDefault("Serial"), ReadText("proc/device-tree/serial-number")));
    }

    /// <summary>The distribution and those that it is like, the nearest first: <c>raspbian</c>, <c>debian</c>.</summary>
    public IReadOnlyList<string> Distributions()
    {
        var system = ReadAssignments("etc/os-release", "usr/lib/os-release");
        var names = $"{system.GetValueOrDefault("ID")} {system.GetValueOrDefault("ID_LIKE")}";
        return names.Split(' ', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>How the machine is at this moment.</summary>
    /// <param name="diskPath">A path on the disk that is asked about, as the process sees it.</param>
    public SlaveStats Stats(DateTimeOffset now, string diskPath)
    {
        var memory = ReadColonPairs("proc/meminfo");
        var (diskSize, diskFree) = Disk(diskPath);
        return new SlaveStats(
            now,
            diskSize,
            diskFree,
            MemSize: Bytes(memory, "MemTotal"),
            MemFree: memory.ContainsKey("MemAvailable") ? Bytes(memory, "MemAvailable") : Bytes(memory, "MemFree"),
            SwapSize: Bytes(memory, "SwapTotal"),
            SwapFree: Bytes(memory, "SwapFree"),
            LoadAverage(),
            CpuTemperature());
    }

    /// <summary>Size and free space, in bytes, of the disk that holds a path; zeros where it cannot be told.</summary>
    public static (long Size, long Free) Disk(string path)
    {
        try
        {
            var drive = new DriveInfo(path);
            return (drive.TotalSize, drive.AvailableFreeSpace);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return (0, 0);
        }
    }

    /// <summary>The load average of the last minute.</summary>
    public double LoadAverage() => Number(ReadText("proc/loadavg")?.Split(' ')[0], max: 1e6);

    /// <summary>The processor's temperature in degrees Celsius.</summary>
    public double CpuTemperature()
    {
        // Other sensors, as of disks and radios, are zones too
        string[] processors = ["cpu-thermal", "cpu_thermal", "soc-thermal", "x86_pkg_temp", "bcm2835_thermal"];
        var zones = Zones();
        var zone = zones.Find(path => processors.Contains(ReadText($"{path}/type"))) ?? zones.FirstOrDefault();
        return zone is null ? 0 : Number(ReadText($"{zone}/temp"), max: 200_000) / 1000;
    }

    private List<string> Zones()
    {
        const string Folder = "sys/class/thermal";
        try
        {
            var zones = Directory.EnumerateDirectories(Path.Combine(root, Folder), "thermal_zone*");
            return [.. zones.Select(zone => $"{Folder}/{Path.GetFileName(zone)}").Order(StringComparer.Ordinal)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    // Newer kernels do not repeat the revision in cpuinfo; the device tree has it as a big-endian number
    private string? RevisionOfDeviceTree()
    {
        var bytes = ReadBytes("proc/device-tree/system/linux,revision");
        return bytes is { Length: 4 }
            ? BinaryPrimitives.ReadUInt32BigEndian(bytes).ToString("x", CultureInfo.InvariantCulture)
            : null;
    }

    private static long Bytes(Dictionary<string, string> memory, string key)
    {
        if (!memory.TryGetValue(key, out var text)) return 0;
        var number = text.Split(' ')[0];
        return long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var kibibytes)
            && kibibytes < long.MaxValue / 1024 ? kibibytes * 1024 : 0;
    }

    private static double Number(string? text, double max) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            && Math.Abs(number) <= max ? number : 0;

    private static string FirstText(params ReadOnlySpan<string?> texts)
    {
        foreach (var text in texts)
        {
            if (string.IsNullOrWhiteSpace(text)) continue;
            var plain = string.Concat(text.Where(c => !char.IsControl(c))).Trim();
            if (plain.Length > 0) return plain.Length > TextLengthMax ? plain[..TextLengthMax] : plain;
        }

        return Unknown;
    }

    private Dictionary<string, string> ReadAssignments(params ReadOnlySpan<string> paths)
    {
        foreach (var path in paths)
        {
            if (ReadText(path) is { } text) return Pairs(text, '=', value => value.Trim('"', '\''));
        }

        return [];
    }

    private Dictionary<string, string> ReadColonPairs(string path) =>
        ReadText(path) is { } text ? Pairs(text, ':', value => value) : [];

    private static Dictionary<string, string> Pairs(string text, char separator, Func<string, string> valueOf)
    {
        var pairs = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in text.Split('\n'))
        {
            var at = line.IndexOf(separator);
            if (at > 0) pairs[line[..at].Trim()] = valueOf(line[(at + 1)..].Trim());
        }

        return pairs;
    }

    private string? ReadText(string path) =>
        ReadBytes(path) is { } bytes ? Encoding.UTF8.GetString(bytes).Trim('\0', ' ', '\n', '\r', '\t') : null;

    // Files of the kernel have no length: read until the end, or the limit
    private byte[]? ReadBytes(string path)
    {
        try
        {
            using var file = File.OpenHandle(Path.Combine(root, path));
            var buffer = new byte[4096];
            var length = 0;
            while (length < FileBytesMax)
            {
                if (length == buffer.Length) Array.Resize(ref buffer, Math.Min(buffer.Length * 4, FileBytesMax));
                var read = RandomAccess.Read(file, buffer.AsSpan(length), length);
                if (read == 0) break;
                length += read;
            }

            return buffer[..length];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return null;
        }
    }
}

/// <summary>How a machine introduces itself, to a master or to monitors.</summary>
/// <param name="Label">Its host name.</param>
/// <param name="BoardRevision">The revision code of a Raspberry Pi's board.</param>
public sealed record MachineIdentity(
    string Label, string OsName, string OsVersion, string BoardRevision, string BoardSerial);
