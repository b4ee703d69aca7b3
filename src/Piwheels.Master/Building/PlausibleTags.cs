using Piwheels.Core.Packaging;

namespace Piwheels.Master.Building;

/// <summary>Which wheel tags (PEP 425) a slave's interpreter can have made.</summary>
/// <remarks>
/// Stricter than "runs there": a slave on cp313 does not make cp311 wheels, and a slave on one machine none for another.
/// What passes would be installed by others, so a slave must not be able to speak for targets that are not its own.
/// </remarks>
public static class PlausibleTags
{
    private const string AnyPlatform = "any";
    private const string NoAbi = "none";
    private const string StableAbi = "abi3";

    private static readonly string[] PortableLinux = ["manylinux", "musllinux"];

    /// <summary>Whether a build on the target can have made a wheel with the tag.</summary>
    public static bool IsPlausible(WheelTag tag, Target target) =>
        PlatformFits(tag.Platform, target.Platform) && InterpreterFits(tag, target.Abi);

    private static bool InterpreterFits(WheelTag tag, string abi) => tag.Abi switch
    {
        NoAbi => IsGeneric(tag.Python) || tag.Python == InterpreterOf(abi),
        StableAbi => TryReadCPython(tag.Python, out var needs)
            && TryReadCPython(InterpreterOf(abi), out var has)
            && needs.Major == has.Major
            && needs.Minor <= has.Minor,
        _ => tag.Abi == abi && tag.Python == InterpreterOf(abi),
    };

    /// <summary><c>py3</c>, <c>py2</c>, <c>py311</c>: made for no particular interpreter.</summary>
    private static bool IsGeneric(string python) =>
        python.Length > 2 && python.StartsWith("py", StringComparison.Ordinal) && IsDigits(python.AsSpan(2));

    /// <summary>The Python tag that goes with an ABI tag: cp311 of cp311, cp37 of cp37m, pp39 of pypy39_pp73.</summary>
    private static string InterpreterOf(string abi)
    {
        const string pypy = "pypy";
        if (abi.StartsWith(pypy, StringComparison.Ordinal))
        {
            var end = abi.IndexOf('_', StringComparison.Ordinal);
            return end < 0 ? abi : string.Concat("pp", abi.AsSpan(pypy.Length, end - pypy.Length));
        }

        var digits = 2;
        while (digits < abi.Length && char.IsAsciiDigit(abi[digits])) digits++;
        return abi.Length > 2 ? abi[..digits] : abi;
    }

    private static bool TryReadCPython(string python, out (int Major, int Minor) version)
    {
        version = default;
        if (python.Length is < 4 or > 6 || !python.StartsWith("cp", StringComparison.Ordinal)) return false;
        if (!IsDigits(python.AsSpan(2))) return false;
        version = (python[2] - '0', int.Parse(python.AsSpan(3)));
        return true;
    }

    /// <summary>
    /// The slave's own platform; <c>any</c>; or a portable Linux tag (PEP 600, PEP 656) of the slave's architecture.
    /// </summary>
    private static bool PlatformFits(string platform, string own)
    {
        if (platform == AnyPlatform || platform == own) return true;
        const string linux = "linux_";
        if (!own.StartsWith(linux, StringComparison.Ordinal)) return false;
        var architecture = own[(linux.Length - 1)..];
        return platform.EndsWith(architecture, StringComparison.Ordinal)
            && PortableLinux.Any(prefix => platform.StartsWith(prefix, StringComparison.Ordinal)
                && platform.Length > prefix.Length + architecture.Length
                && IsLibcVersion(platform.AsSpan(prefix.Length, platform.Length - prefix.Length - architecture.Length)));
    }

    /// <summary><c>1</c>, <c>2014</c>, <c>_2_17</c>: between the prefix and the architecture.</summary>
    private static bool IsLibcVersion(ReadOnlySpan<char> version)
    {
        foreach (var c in version)
        {
            if (!char.IsAsciiDigit(c) && c != '_') return false;
        }

        return version.Length > 0;
    }

    private static bool IsDigits(ReadOnlySpan<char> text)
    {
        foreach (var c in text)
        {
            if (!char.IsAsciiDigit(c)) return false;
        }

        return text.Length > 0;
    }
}
