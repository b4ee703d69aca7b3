namespace Piwheels.Core.Packaging;

/// <summary>
/// Which Pythons a file's Requires-Python (PEP 345) lets in. A target tells its series alone (3.11), so that both the series'
/// first version and a late one count. What cannot be read lets all in, as pip has it.
/// </summary>
public static class RequiredPython
{
    private const int MajorLeast = 2;
    private const int MajorMost = 4;

    /// <summary>Later ones of a major version are as this one.</summary>
    private const int MinorMost = 49;

    private const int SeriesPerMajor = 1_000;

    private static readonly (PackageVersion First, PackageVersion Late)[] Series =
    [
        .. from major in Enumerable.Range(MajorLeast, MajorMost - MajorLeast + 1)
           from minor in Enumerable.Range(0, MinorMost + 1)
           select (PackageVersion.Parse($"{major}.{minor}.0"), PackageVersion.Parse($"{major}.{minor}.99")),
    ];

    /// <summary>Whether the target's Python is let in; one that its tags do not tell is.</summary>
    /// <param name="requiresPython">As the index tells it; null where it does not.</param>
    public static bool Admits(string? requiresPython, Target target) =>
        Read(requiresPython) is not { } specifier
        || !InterpreterTag.TryParse(target.Abi, out var python)
        || Admits(specifier, python.Major, Math.Min(python.Minor ?? 0, MinorMost));

    /// <summary>
    /// Those let in, as ranges of 1000 times major plus minor, from one and up to but without another; 0 stands for a
    /// Python that is not known. Null where all are let in.
    /// </summary>
    public static IReadOnlyList<(int From, int To)>? RangesOf(string? requiresPython)
    {
        if (Read(requiresPython) is not { } specifier) return null;
        var ranges = new List<(int From, int To)> { (0, 1) };
        for (var major = MajorLeast; major <= MajorMost; major++)
        {
            for (var minor = 0; minor <= MinorMost; minor++)
            {
                if (!Admits(specifier, major, minor)) continue;
                var from = (major * SeriesPerMajor) + minor;
                var to = minor < MinorMost ? from + 1 : (major + 1) * SeriesPerMajor;
                if (ranges[^1].To == from) ranges[^1] = (ranges[^1].From, to);
                else ranges.Add((from, to));
            }
        }

        return ranges;
    }

    private static SpecifierSet? Read(string? requiresPython) =>
        !string.IsNullOrEmpty(requiresPython) && SpecifierSet.TryParse(requiresPython, out var specifier)
            ? specifier
            : null;

    private static bool Admits(SpecifierSet specifier, int major, int minor)
    {
        if (major is < MajorLeast or > MajorMost) return false;
        var (first, late) = Series[((major - MajorLeast) * (MinorMost + 1)) + minor];
        return specifier.Contains(first, prereleases: true) || specifier.Contains(late, prereleases: true);
    }
}
