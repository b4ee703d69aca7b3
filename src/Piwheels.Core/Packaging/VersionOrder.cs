namespace Piwheels.Core.Packaging;

/// <summary>The order of versions (PEP 440, "Summary of permitted suffixes and relative ordering").</summary>
internal static class VersionOrder
{
    internal static int Compare(PackageVersion left, PackageVersion right)
    {
        var order = left.Epoch.CompareTo(right.Epoch);
        if (order == 0) order = CompareReleases(left.Release, right.Release);
        if (order == 0) order = ComparePre(left, right);
        if (order == 0) order = CompareOptional(left.Post, right.Post, missingIsHigher: false);
        if (order == 0) order = CompareOptional(left.Dev, right.Dev, missingIsHigher: true);
        return order != 0 ? order : CompareLocal(left.Local, right.Local);
    }

    /// <summary>Compares numbers in order; missing ones count as zero.</summary>
    internal static int CompareReleases(IReadOnlyList<Numeral> left, IReadOnlyList<Numeral> right)
    {
        for (var i = 0; i < Math.Max(left.Count, right.Count); i++)
        {
            var order = At(left, i).CompareTo(At(right, i));
            if (order != 0) return order;
        }

        return 0;
    }

    /// <summary>The number at a place of a release; zero past its end.</summary>
    internal static Numeral At(IReadOnlyList<Numeral> release, int index) =>
        index < release.Count ? release[index] : default;

    /// <summary>How many numbers count: trailing zeros do not.</summary>
    internal static int SignificantLength(IReadOnlyList<Numeral> release)
    {
        var length = release.Count;
        while (length > 0 && release[length - 1].IsZero) length--;
        return length;
    }

    private static int ComparePre(PackageVersion left, PackageVersion right)
    {
        var order = PhaseRank(left).CompareTo(PhaseRank(right));
        if (order != 0 || left.Pre is not { } pre || right.Pre is not { } other) return order;
        return pre.Number.CompareTo(other.Number);
    }

    // 1.0.dev1 comes before 1.0a1, and both before 1.0; a dev release of a post release is past the final one
    private static int PhaseRank(PackageVersion version) => version.Pre?.Phase switch
    {
        "a" => 1,
        "b" => 2,
        "rc" => 3,
        _ => version is { Dev: not null, Post: null } ? 0 : 4,
    };

    private static int CompareOptional(Numeral? left, Numeral? right, bool missingIsHigher) => (left, right) switch
    {
        (null, null) => 0,
        (null, _) => missingIsHigher ? 1 : -1,
        (_, null) => missingIsHigher ? -1 : 1,
        ({ } first, { } second) => first.CompareTo(second),
    };

    private static int CompareLocal(IReadOnlyList<LocalSegment> left, IReadOnlyList<LocalSegment> right)
    {
        for (var i = 0; i < Math.Min(left.Count, right.Count); i++)
        {
            var order = left[i].CompareTo(right[i]);
            if (order != 0) return order;
        }

        return left.Count.CompareTo(right.Count);
    }
}
