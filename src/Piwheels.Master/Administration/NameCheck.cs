using Piwheels.Core.Packaging;

namespace Piwheels.Master.Administration;

/// <summary>Reads what people typed, or says what is wrong with it.</summary>
internal static class NameCheck
{
    /// <summary>The longest reason that the database holds, in characters.</summary>
    public const int ReasonLengthMax = 100;

    /// <summary>The reason that marks what is on its way out; not for people to give.</summary>
    public const string Deleted = "deleted";

    /// <returns>What is wrong; null when it is a name.</returns>
    public static string? Package(string text, out PackageName package) =>
        PackageName.TryParse(text, out package) ? null : $"'{Excerpt.Of(text)}' is not a package name";

    /// <returns>What is wrong; null when it is a release.</returns>
    public static string? Release(string package, string version, out Release release)
    {
        release = default;
        if (Package(package, out var name) is { } reason) return reason;
        if (!IsVersion(version)) return $"'{Excerpt.Of(version)}' is not a version";
        release = new Release(name, version);
        return null;
    }

    /// <returns>What is wrong with a reason to skip; null when it may be used, or is empty.</returns>
    public static string? Reason(string reason)
    {
        if (reason.Length > ReasonLengthMax) return $"a reason has at most {ReasonLengthMax} characters";
        if (!IsText(reason)) return "a reason is one line of text";
        return reason == Deleted ? $"the reason '{Deleted}' is the farm's own" : null;
    }

    /// <returns>The first that is not another spelling of the package's name; null when all are.</returns>
    public static string? Aliases(PackageName package, IReadOnlyList<string> aliases) =>
        aliases.FirstOrDefault(alias => !PackageName.TryParse(alias, out var name) || name != package) is { } stranger
            ? $"'{Excerpt.Of(stranger)}' is no spelling of {package}"
            : null;

    // Old versions need not follow PEP 440
    private static bool IsVersion(string text) =>
        text.Length is > 0 and <= Core.Packaging.Release.VersionLengthMax && IsText(text) && !text.Contains(' ');

    private static bool IsText(string text) => !text.Any(static c => char.IsControl(c) || char.IsSurrogate(c));
}
