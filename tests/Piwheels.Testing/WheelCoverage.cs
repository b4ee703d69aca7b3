using System.Globalization;
using System.Text.RegularExpressions;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;

namespace Piwheels.Testing;

/// <summary>The rule of coverage of the fake database: which wheel makes a build on a target needless.</summary>
internal static partial class WheelCoverage
{
    /// <summary>Whether an installer on the target takes the wheel (PEP 425, PEP 600).</summary>
    public static bool RunsOn(FileState file, Target target) =>
        file.PyVersionTag.Split('.').Any(py => file.AbiTag.Split('.').Any(abi => AbiRunsOn(py, abi, target.Abi))) &&
        file.PlatformTag.Split('.').Any(tag => Manylinux().Replace(tag, "linux_") is var platform &&
            (platform == "any" || platform == target.Platform));

    /// <summary>The Python version in a tag, to be compared as a number: 1000 times major, plus minor.</summary>
    public static int PythonOf(string tag)
    {
        var match = PythonTag().Match(tag);
        if (!match.Success) return 0;
        var minor = match.Groups[2].Value;
        return int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) * 1000
            + (minor.Length == 0 ? 0 : int.Parse(minor, CultureInfo.InvariantCulture));
    }

    private static bool AbiRunsOn(string py, string abi, string on) => abi switch
    {
        "none" when py.StartsWith("py", StringComparison.Ordinal) && char.IsAsciiDigit(py.Last()) &&
            char.IsAsciiDigit(py[2]) =>
            PythonOf(py) / 1000 == PythonOf(on) / 1000 && PythonOf(py) <= PythonOf(on),
        "none" => PythonOf(py) == PythonOf(on) && py[..2] == on[..2],
        "abi3" => py.StartsWith("cp3", StringComparison.Ordinal) && LimitedApi().IsMatch(on) &&
            PythonOf(py) <= PythonOf(on),
        _ => abi == on,
    };

    [GeneratedRegex("^[a-z]+([0-9])([0-9]{0,3})")]
    private static partial Regex PythonTag();

    [GeneratedRegex("^manylinux(1|2010|2014|_[0-9]+_[0-9]+)_")]
    private static partial Regex Manylinux();

    [GeneratedRegex("^cp3[0-9]+[a-su-z]*$")]
    private static partial Regex LimitedApi();
}
