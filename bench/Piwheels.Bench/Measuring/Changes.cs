using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;

namespace Piwheels.Bench.Measuring;

/// <summary>Changes of the kinds that happen to a farm all day.</summary>
internal static class Changes
{
    /// <summary>A package whose thousand versions make everything about it as large as it becomes.</summary>
    private static readonly PackageName LargePackage = PackageName.Parse("thousand-versions");

    private static readonly IReadOnlyDictionary<string, IReadOnlyList<string>> Dependencies =
        new Dictionary<string, IReadOnlyList<string>>
        {
            [FileState.AptTool] = ["libc6", "libstdc++6"],
            [FileState.PipTool] = ["numpy", "requests", "typing-extensions"],
        };

    /// <summary>New versions of different packages, released just now.</summary>
    public static async Task<List<Change>> NewVersionsAsync(MeasuredFarm farm, int count) =>
        [.. (await farm.PackagesAsync(count)).Select(package => AddVersion(farm, package))];

    /// <summary>New versions of one package that has a thousand.</summary>
    public static Task<List<Change>> NewVersionsOfOneAsync(MeasuredFarm farm, int count) =>
        Task.FromResult(Enumerable.Range(0, count).Select(_ => AddVersion(farm, LargePackage)).ToList());

    /// <summary>Has that package's pages owed, so that each further version finds the same.</summary>
    public static Task OwePagesOfOneAsync(IDatabase master) => master.SaveRewritesPendingAsync(
        [new RewritePending(LargePackage, TimeProvider.System.GetUtcNow(), RewriteCommand.Project)]);

    /// <summary>First attempts at releases of the backlog, which fail.</summary>
    public static async Task<List<Change>> FailuresAsync(MeasuredFarm farm, int count) =>
        [.. (await farm.WaitingAsync(count)).Select(release => Record(Attempt(release, [])))];

    /// <summary>First attempts that make one wheel each, with the tags of "py3-none-any" or so.</summary>
    public static async Task<List<Change>> SuccessesAsync(MeasuredFarm farm, int count, string tags) =>
        [.. (await farm.WaitingAsync(count)).Select(release => Record(Attempt(release, [Wheel(release, tags)])))];

    private static Change AddVersion(MeasuredFarm farm, PackageName package)
    {
        var release = farm.NewVersion(package);
        return master => master.AddNewPackageVersionAsync(release);
    }

    /// <summary>As the master records a build, with a number of its own.</summary>
    private static Change Record(BuildState build) =>
        master => master.LogBuildAsync(build, RequestNumber.Next(TimeProvider.System));

    private static BuildState Attempt(Release release, FileState[] files) => new(
        1, release.Package.Value, release.Version, MeasuredFarm.LowestTarget.Abi, files.Length > 0,
        TimeSpan.FromSeconds(42), "", files, MeasuredFarm.LowestTarget.Platform);

    private static FileState Wheel(Release release, string tags)
    {
        var parts = tags.Split('-');
        var project = release.Package.Value.Replace('-', '_');
        var filename = $"{project}-{release.Version}-{tags}.whl";
        return new FileState(
            filename, 20_000 + release.Version.Length,
            Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(filename))),
            project, release.Version, parts[0], parts[1], parts[2], ">=3.9", Dependencies);
    }
}
