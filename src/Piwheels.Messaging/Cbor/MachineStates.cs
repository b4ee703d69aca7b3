using System.Formats.Cbor;
using Piwheels.Core.States;

namespace Piwheels.Messaging.Cbor;

/// <summary>How machines introduce themselves and tell their figures.</summary>
internal static class MachineStates
{
    /// <summary>The longest time-out taken of a slave: a sum of it and any time stays a time.</summary>
    private static readonly TimeSpan TimeoutMax = TimeSpan.FromDays(365);

    public static SlaveHello ReadSlaveHello(WireReader reader)
    {
        reader.StartRecord("slave hello");
        var hello = new SlaveHello(
            BuildTimeout: Timeout(reader, "build timeout"),
            BusyTimeout: Timeout(reader, "busy timeout"),
            PyVersion: reader.Text("Python version", WireLimits.TextLengthMax),
            Abi: reader.Text("ABI", WireLimits.TextLengthMax),
            Platform: reader.Text("platform", WireLimits.TextLengthMax),
            Label: reader.Text("label", WireLimits.TextLengthMax),
            OsName: reader.Text("OS name", WireLimits.TextLengthMax),
            OsVersion: reader.Text("OS version", WireLimits.TextLengthMax),
            BoardRevision: reader.Text("board revision", WireLimits.TextLengthMax),
            BoardSerial: reader.Text("board serial", WireLimits.TextLengthMax));
        reader.EndRecord("slave hello");
        return hello;
    }

    public static void Write(this CborWriter writer, SlaveHello hello)
    {
        writer.WriteStartArray(10);
        writer.WriteDuration(hello.BuildTimeout);
        writer.WriteDuration(hello.BusyTimeout);
        writer.WriteTextString(hello.PyVersion);
        writer.WriteTextString(hello.Abi);
        writer.WriteTextString(hello.Platform);
        writer.WriteTextString(hello.Label);
        writer.WriteTextString(hello.OsName);
        writer.WriteTextString(hello.OsVersion);
        writer.WriteTextString(hello.BoardRevision);
        writer.WriteTextString(hello.BoardSerial);
        writer.WriteEndArray();
    }

    public static SlaveStats ReadSlaveStats(WireReader reader)
    {
        reader.StartRecord("slave stats");
        var stats = new SlaveStats(
            Timestamp: reader.Timestamp("timestamp"),
            DiskSize: reader.Size("disk size"),
            DiskFree: reader.Size("disk free"),
            MemSize: reader.Size("memory size"),
            MemFree: reader.Size("memory free"),
            SwapSize: reader.Size("swap size"),
            SwapFree: reader.Size("swap free"),
            LoadAverage: reader.Float("load average"),
            CpuTemp: reader.Float("CPU temperature"));
        reader.EndRecord("slave stats");
        return stats;
    }

    public static void Write(this CborWriter writer, SlaveStats stats)
    {
        writer.WriteStartArray(9);
        writer.WriteTimestamp(stats.Timestamp);
        writer.WriteInt64(stats.DiskSize);
        writer.WriteInt64(stats.DiskFree);
        writer.WriteInt64(stats.MemSize);
        writer.WriteInt64(stats.MemFree);
        writer.WriteInt64(stats.SwapSize);
        writer.WriteInt64(stats.SwapFree);
        writer.WriteFloat(stats.LoadAverage);
        writer.WriteFloat(stats.CpuTemp);
        writer.WriteEndArray();
    }

    public static MasterHello ReadMasterHello(WireReader reader)
    {
        reader.StartRecord("master hello");
        var hello = new MasterHello(
            Started: reader.Timestamp("started"),
            Label: reader.Text("label", WireLimits.TextLengthMax),
            OsName: reader.Text("OS name", WireLimits.TextLengthMax),
            OsVersion: reader.Text("OS version", WireLimits.TextLengthMax),
            BoardRevision: reader.Text("board revision", WireLimits.TextLengthMax),
            BoardSerial: reader.Text("board serial", WireLimits.TextLengthMax));
        reader.EndRecord("master hello");
        return hello;
    }

    public static void Write(this CborWriter writer, MasterHello hello)
    {
        writer.WriteStartArray(6);
        writer.WriteTimestamp(hello.Started);
        writer.WriteTextString(hello.Label);
        writer.WriteTextString(hello.OsName);
        writer.WriteTextString(hello.OsVersion);
        writer.WriteTextString(hello.BoardRevision);
        writer.WriteTextString(hello.BoardSerial);
        writer.WriteEndArray();
    }

    public static MasterStats ReadMasterStats(WireReader reader)
    {
        reader.StartRecord("master stats");
        var stats = new MasterStats(
            Timestamp: reader.Timestamp("timestamp"),
            PackagesBuilt: reader.Size("packages built"),
            BuildsLastHour: ReadCountsByAbi(reader, "builds last hour"),
            BuildsTime: reader.Duration("builds time"),
            BuildsSize: reader.Size("builds size"),
            BuildsPending: ReadCountsByAbi(reader, "builds pending"),
            NewLastHour: reader.Size("new last hour"),
            FilesCount: reader.Size("files"),
            DownloadsLastHour: reader.Size("downloads last hour"),
            DownloadsLastMonth: reader.Size("downloads last month"),
            DownloadsAll: reader.Size("downloads"),
            DiskSize: reader.Size("disk size"),
            DiskFree: reader.Size("disk free"),
            MemSize: reader.Size("memory size"),
            MemFree: reader.Size("memory free"),
            SwapSize: reader.Size("swap size"),
            SwapFree: reader.Size("swap free"),
            LoadAverage: reader.Float("load average"),
            CpuTemp: reader.Float("CPU temperature"));
        reader.EndRecord("master stats");
        return stats;
    }

    public static void Write(this CborWriter writer, MasterStats stats)
    {
        writer.WriteStartArray(19);
        writer.WriteTimestamp(stats.Timestamp);
        writer.WriteInt64(stats.PackagesBuilt);
        writer.WriteCountsByAbi(stats.BuildsLastHour);
        writer.WriteDuration(stats.BuildsTime);
        writer.WriteInt64(stats.BuildsSize);
        writer.WriteCountsByAbi(stats.BuildsPending);
        writer.WriteInt64(stats.NewLastHour);
        writer.WriteInt64(stats.FilesCount);
        writer.WriteInt64(stats.DownloadsLastHour);
        writer.WriteInt64(stats.DownloadsLastMonth);
        writer.WriteInt64(stats.DownloadsAll);
        writer.WriteInt64(stats.DiskSize);
        writer.WriteInt64(stats.DiskFree);
        writer.WriteInt64(stats.MemSize);
        writer.WriteInt64(stats.MemFree);
        writer.WriteInt64(stats.SwapSize);
        writer.WriteInt64(stats.SwapFree);
        writer.WriteFloat(stats.LoadAverage);
        writer.WriteFloat(stats.CpuTemp);
        writer.WriteEndArray();
    }

    public static Dictionary<string, long> ReadCountsByAbi(WireReader reader, string field) =>
        reader.Map(field, WireLimits.TargetsMax, static r => r.Size("count"));

    public static void WriteCountsByAbi(this CborWriter writer, IReadOnlyDictionary<string, long> counts) =>
        writer.WriteMap(counts, static (w, count) => w.WriteInt64(count));

    private static TimeSpan Timeout(WireReader reader, string field)
    {
        var timeout = reader.Duration(field);
        return timeout > TimeSpan.Zero && timeout <= TimeoutMax
            ? timeout
            : throw reader.Fail(field, "not above zero and within a year");
    }
}
