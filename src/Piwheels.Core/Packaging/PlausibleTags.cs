namespace Piwheels.Core.Packaging;

/// <summary>Which wheel tags (PEP 425) a slave's interpreter can have made.</summary>
/// <remarks>
/// What passes is installed by others, so a slave must not be able to speak for targets that are not its own: each tag
/// has to run on the slave itself, or to be made for no interpreter in particular.
/// </remarks>
public static class PlausibleTags
{
    private const string NoAbi = "none";
    private const string StableAbi = "abi3";

    /// <summary>Whether a build on the target can have made a wheel with the tag.</summary>
    public static bool IsPlausible(WheelTag tag, Target target)
    {
        if (tag.Abi == NoAbi && InterpreterTag.TryParse(tag.Python, out var python) && python.Implementation == "py")
        {
            // py2.py3 of a universal wheel, or the py312 of a package that wants no older one: it is the platform that
            // counts
            return Coverage.Covers(tag with { Python = "py3" }, target);
        }

        return Coverage.Covers(tag, target) && (tag.Abi is NoAbi or StableAbi || GoTogether(tag.Python, tag.Abi));
    }

    /// <summary>
    /// Whether a Python tag names the interpreter of an ABI: cp311 of cp311, cp37 of cp37m, pp39 of pypy39_pp73.
    /// </summary>
    private static bool GoTogether(string pythonTag, string abiTag) =>
        InterpreterTag.TryParse(pythonTag, out var python)
        && InterpreterTag.TryParse(abiTag, out var abi)
        && (python.Major, python.Minor, python.Flags) == (abi.Major, abi.Minor, "")
        && (python.Implementation == abi.Implementation
            || (python.Implementation, abi.Implementation) == ("pp", "pypy"));
}
