using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master.Publishing;

namespace Piwheels.Bench.Publishing;

/// <summary>
/// A package of so many versions, each built for three ABIs with a wheel for each, as the database would tell of it.
/// </summary>
internal sealed class MadeUpPackage(int versions)
{
    /// <summary>Of a typical package on PyPI: most have between 1 and 4 KB, of which the description is not counted.</summary>
    private const int MetadataBytes = 2_000;

    private static readonly string[] Abis = ["cp39", "cp311", "cp313"];

    private static readonly DateTimeOffset First = new(2015, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public PackageName Name { get; } = PackageName.Parse($"package-of-{versions}");

    /// <summary>What all its pages show; in each round something else.</summary>
    public PackageView AsOf(int round)
    {
        var hash = Convert.ToHexStringLower(BitConverter.GetBytes(round)).PadLeft(64, 'a');
        var data = new ProjectData(
            Name, Name.Value, $"A package in round {round}", "", [],
            [.. Enumerable.Range(0, versions).Select(number => VersionOf(number, hash))]);
        return PackageView.Of(data, armv6Alias: false);
    }

    /// <summary>Puts a METADATA for each wheel where the wheels would be.</summary>
    public void WriteMetadata(SiteFolder site)
    {
        site.Ensure(site.SimpleOf(Name));
        var content = new byte[MetadataBytes];
        content.AsSpan().Fill((byte)'x');
        foreach (var file in AsOf(0).Releases.SelectMany(release => release.Data.Files))
            File.WriteAllBytes(site.FileOf(Name, file.Filename) + SiteFolder.MetadataSuffix, content);
    }

    private ProjectVersion VersionOf(int number, string hash) => new(
        $"{number / 100}.{number / 10 % 10}.{number % 10}", First.AddDays(number), Yanked: false, "",
        [.. Abis.Select(abi => FileOf(number, abi, hash))],
        [
            .. Abis.Select((abi, index) => new ProjectTarget(
                new Target(abi, "linux_armv7l"), TargetState.Success, (number * Abis.Length) + index)),
        ]);

    private ProjectFile FileOf(int number, string abi, string hash) => new(
        $"package_of_{versions}-{number / 100}.{number / 10 % 10}.{number % 10}-{abi}-{abi}-linux_armv7l.whl",
        123_456 + number, hash, abi, abi, "linux_armv7l", ">=3.9", "/simple", First.AddDays(number), ["libc6", "libgomp1"],
        ["numpy"]);
}
