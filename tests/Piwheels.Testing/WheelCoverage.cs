using System.Globalization;
using System.Text.RegularExpressions;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;

namespace Piwheels.Testing;

/// <summary>The rule of coverage of the fake database: which wheel makes a build on a target needless.</summary>
internal static partial class WheelCoverage
{
    /// <summary>Whether an installer on the target takes the wheel (PEP 425, PEP 600).</summary>
    public static bool RunsOn(FileState file, Target target) =>
        TagSet.TryParse(file.PyVersionTag, file.AbiTag, file.PlatformTag, out var tags) && Coverage.Covers(tags, target);

    /// <summary>The same of a wheel of upstream's.</summary>
    public static bool RunsOn(UpstreamWheel wheel, TargetRow target) =>
        TagSet.TryParse(wheel.PyVersionTag, wheel.AbiTag, wheel.PlatformTag, out var tags)
        && Coverage.CoversUpstream(tags, wheel.RequiresPython, target.Target, target.Glibc);

    /// <summary>The Python version in a tag, to be compared as a number: 1000 times major, plus minor.</summary>
    public static int PythonOf(string tag)
    {
        var match = PythonTag().Match(tag);
        if (!match.Success) return 0;
        var minor = match.Groups[2].Value;
        return int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) * 1000
            + (minor.Length == 0 ? 0 : int.Parse(minor, CultureInfo.InvariantCulture));
    }

    [GeneratedRegex("^[a-z]+([0-9])([0-9]{0,3})")]
    private static partial Regex PythonTag();
}
