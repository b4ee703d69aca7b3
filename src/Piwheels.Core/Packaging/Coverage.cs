namespace Piwheels.Core.Packaging;

/// <summary>
/// Which targets a wheel runs on, by its tags (PEP 425, and PEP 600 for manylinux). The database has the same rule as
/// <c>wheel_runs_on</c>.
/// </summary>
public static class Coverage
{
    private const string AnyPlatform = "any";
    private const string NoAbi = "none";
    private const string StableAbi = "abi3";
    private const string Armv6 = "linux_armv6l";
    private const string Armv7 = "linux_armv7l";

    /// <summary>Whether any of a wheel's tags runs on the target.</summary>
    /// <param name="armv6Alias">True where wheels for armv7l are offered to armv6l too.</param>
    public static bool Covers(TagSet tags, Target target, bool armv6Alias = false) =>
        tags.Any(tag => Covers(tag, target, armv6Alias));

    /// <summary>Whether a wheel with this tag runs on the target.</summary>
    /// <param name="armv6Alias">True where wheels for armv7l are offered to armv6l too.</param>
    public static bool Covers(WheelTag tag, Target target, bool armv6Alias = false) =>
        CoversPlatform(tag.Platform, target.Platform, armv6Alias) && CoversAbi(tag, target.Abi);

    /// <summary>
    /// Whether an installer on the target takes one of upstream's wheels. It has one name, so a second one that our own
    /// wheels may have is none of its; and other than ours it was not made on such a machine, so the target's Python and
    /// C library have to suit it. The database has the same rule as <c>upstream_runs_on</c>.
    /// </summary>
    /// <param name="requiresPython">As the index tells it; null where it does not.</param>
    /// <param name="glibc">The target's C library; null where it is not known.</param>
    public static bool CoversUpstream(TagSet tags, string? requiresPython, Target target, Glibc? glibc) =>
        tags.Any(tag => Covers(tag, target) && Glibc.NeededBy(tag.Platform) <= (glibc ?? Glibc.Assumed))
        && RequiredPython.Admits(requiresPython, target);

    // Wheels without an ABI run on their Python and later ones of the same major, or on that very interpreter; abi3
    // wheels on their CPython and later ones, but not on free-threaded builds; others on their ABI alone
    private static bool CoversAbi(WheelTag tag, string abi)
    {
        if (tag.Abi is not (NoAbi or StableAbi)) return tag.Abi == abi;
        if (!InterpreterTag.TryParse(tag.Python, out var python) || !InterpreterTag.TryParse(abi, out var target))
        {
            return false;
        }

        if (tag.Abi == StableAbi)
        {
            return python is { IsCPython: true, Major: 3, Flags: "" }
                && target is { IsCPython: true, Major: 3, Minor: not null, IsFreeThreaded: false }
                && python.Version <= target.Version;
        }

        if (python is { Implementation: "py", Flags: "" })
        {
            return python.Major == target.Major && python.Version <= target.Version;
        }

        return python.SameImplementation(target) && python.Version == target.Version;
    }

    // A manylinux wheel names the oldest C library that it runs with; the farm's machines have newer ones
    private static bool CoversPlatform(string platform, string target, bool armv6Alias)
    {
        if (platform == AnyPlatform) return true;
        var plain = WithoutManylinux(platform);
        return plain == target
            || (armv6Alias && plain == Armv7 && target == Armv6);
    }

    private static string WithoutManylinux(string platform)
    {
        const string Prefix = "manylinux";
        if (!platform.StartsWith(Prefix, StringComparison.Ordinal)) return platform;
        var rest = platform.AsSpan(Prefix.Length);
        foreach (var legacy in (ReadOnlySpan<string>)["1_", "2010_", "2014_"])
        {
            if (rest.StartsWith(legacy)) return string.Concat("linux_", rest[legacy.Length..]);
        }

        // manylinux_MAJOR_MINOR_machine
        for (var number = 0; number < 2; number++)
        {
            if (rest.IsEmpty || rest[0] != '_') return platform;
            rest = rest[1..];
            var digits = rest.IndexOfAnyExceptInRange('0', '9');
            if (digits <= 0) return platform;
            rest = rest[digits..];
        }

        return rest.Length > 1 && rest[0] == '_' ? string.Concat("linux", rest) : platform;
    }
}
