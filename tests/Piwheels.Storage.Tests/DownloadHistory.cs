using Piwheels.Core.Packaging;
using Piwheels.Core.States;

namespace Piwheels.Storage.Tests;

/// <summary>Downloads of a few projects over some weeks, in batches, chosen by chance.</summary>
public sealed class DownloadHistory(Database database, int seed)
{
    /// <summary>Projects that are registered; wheels of others are downloaded too.</summary>
    public static readonly IReadOnlyList<PackageName> Packages =
        [.. new[] { "ant", "bee", "cat", "dog" }.Select(PackageName.Parse)];

    private static readonly PackageName Fly = PackageName.Parse("fly");
    private static readonly string[] Projects = ["ant", "Bee", "c.a_t", "cat", "dog", "fly", "gnat"];

    private readonly Random _random = new(seed);

    /// <summary>Records one batch.</summary>
    public async Task DownloadAsync(int count)
    {
        var now = TimeProvider.System.GetUtcNow();
        var recorded = await database.LogAccessAsync([.. Enumerable.Range(0, count).Select(_ => new DownloadState(
            $"{Projects[_random.Next(Projects.Length)]}-1.0-py3-none-any.whl", "192.0.2.1",
            now.AddDays(-_random.Next(40)).AddMinutes(-_random.Next(100)), InstallerState.Unknown))]);
        if (recorded != count) throw new InvalidOperationException($"{recorded} of {count} downloads were recorded");
    }

    /// <summary>A project comes, goes, or is about to.</summary>
    public Task ComeAndGoAsync() => _random.Next(4) switch
    {
        0 => database.SkipPackageAsync(Fly, "deleted"),
        1 => database.SkipPackageAsync(Fly, ""),
        2 => database.DeletePackageAsync(Fly),
        _ => database.AddNewPackageAsync(Fly),
    };
}
