using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>
/// Has the lists of names hold for the packages that the farm knows: what they leave out is not built any more, and comes
/// back when they let it in again. What has been built stays. Each can be done twice with the same result.
/// </summary>
internal sealed class FollowedPackages(IDatabase database, FollowedNames names)
{
    /// <summary>How many packages are changed in one transaction.</summary>
    private const int PackagesTogether = 200;

    /// <summary>Has packages that are not followed wait no more; false when <paramref name="goOn"/> says no.</summary>
    internal async Task<bool> LeaveOutAsync(Func<bool> goOn)
    {
        if (names.AreAll) return true;
        var unfollowed = (await database.GetAllPackagesAsync()).Where(package => !names.Contains(package));
        return await ChangeAsync(unfollowed, "", SkipReasons.NotFollowed, goOn);
    }

    /// <summary>Has packages built again that are followed; false when <paramref name="goOn"/> says no.</summary>
    internal async Task<bool> LetInAsync(Func<bool> goOn) => await ChangeAsync(
        (await database.GetPackagesSkippedAsync(SkipReasons.NotFollowed)).Where(names.Contains),
        SkipReasons.NotFollowed,
        "",
        goOn);

    private async Task<bool> ChangeAsync(IEnumerable<PackageName> packages, string from, string to, Func<bool> goOn)
    {
        foreach (var some in packages.Order().Chunk(PackagesTogether))
        {
            if (!goOn()) return false;
            await database.ChangePackageSkipsAsync(some, from, to);
        }

        return true;
    }
}
