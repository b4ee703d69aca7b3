namespace Piwheels.Core.States;

/// <summary>The farm's figures at one moment, as monitors get them. Sizes in bytes, temperature in degrees Celsius.</summary>
/// <param name="BuildsLastHour">Builds of the last hour by ABI tag.</param>
/// <param name="BuildsPending">Releases waiting to be built, by ABI tag.</param>
public sealed record MasterStats(
    DateTimeOffset Timestamp,
    long PackagesBuilt,
    IReadOnlyDictionary<string, long> BuildsLastHour,
    TimeSpan BuildsTime,
    long BuildsSize,
    IReadOnlyDictionary<string, long> BuildsPending,
    long NewLastHour,
    long FilesCount,
    long DownloadsLastHour,
    long DownloadsLastMonth,
    long DownloadsAll,
    long DiskSize,
    long DiskFree,
    long MemSize,
    long MemFree,
    long SwapSize,
    long SwapFree,
    double LoadAverage,
    double CpuTemp);
