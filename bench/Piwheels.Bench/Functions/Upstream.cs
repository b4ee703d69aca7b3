using BenchmarkDotNet.Attributes;
using Piwheels.Core.Packaging;

namespace Piwheels.Bench.Functions;

/// <summary>What the follower of an index does with each name and version that it is told.</summary>
[MemoryDiagnoser]
public class Upstream
{
    private const int Count = 1000;

    private readonly string[] _names = [.. Enumerable.Range(0, Count).Select(n => $"Some_Project.{n}")];
    private readonly string[] _texts =
        [.. Enumerable.Range(0, Count).Select(n => (n % 4) switch
        {
            0 => $"{n / 100}.{n / 10 % 10}.{n % 10}",
            1 => $"1.{n}rc{n % 3}",
            2 => $"2026.{n % 12}.{n % 28}.post{n % 5}",
            _ => $"0.{n}.dev{n}",
        })];

    private readonly string[] _wheels =
    [
        .. Enumerable.Range(0, Count).Select(n =>
            $"some_project-1.{n}-cp3{n % 14}-cp3{n % 14}-manylinux_2_17_armv7l.linux_armv7l.whl"),
    ];

    private PackageVersion[] _versions = [];

    [GlobalSetup]
    public void Setup() => _versions = [.. _texts.Select(PackageVersion.Parse)];

    [Benchmark(OperationsPerInvoke = Count)]
    public int Read_a_project_name()
    {
        var length = 0;
        foreach (var name in _names) length += PackageName.Parse(name).Value.Length;
        return length;
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public int Read_a_version()
    {
        var releases = 0;
        foreach (var text in _texts) releases += PackageVersion.Parse(text).Release.Count;
        return releases;
    }

    [Benchmark]
    public PackageVersion[] Sort_a_thousand_versions()
    {
        var sorted = (PackageVersion[])_versions.Clone();
        Array.Sort(sorted);
        return sorted;
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public int Read_a_wheels_name()
    {
        var length = 0;
        foreach (var wheel in _wheels) length += WheelFileName.Parse(wheel).PlatformTag.Length;
        return length;
    }
}
