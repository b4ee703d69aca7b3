namespace Piwheels.Core.States;

/// <summary>A machine's figures at one moment. Sizes in bytes, temperature in degrees Celsius.</summary>
public sealed record SlaveStats(
    DateTimeOffset Timestamp,
    long DiskSize,
    long DiskFree,
    long MemSize,
    long MemFree,
    long SwapSize,
    long SwapFree,
    double LoadAverage,
    double CpuTemp);
