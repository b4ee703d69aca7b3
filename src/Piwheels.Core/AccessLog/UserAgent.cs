using System.Text.Json;
using Piwheels.Core.States;

namespace Piwheels.Core.AccessLog;

/// <summary>
/// Reads User-Agent headers. Installers send a product and JSON after it (linehaul's form, used by pip and uv):
/// <c>pip/23.0.1 {"cpu":"armv7l","distro":{"name":"Debian GNU/Linux","version":"12"},...}</c>.
/// </summary>
public static class UserAgent
{
    /// <summary>The longest header that is read, in characters; of a longer one the JSON is passed over.</summary>
    public const int LengthMax = 4096;

    /// <summary>The longest family that is told on, in characters.</summary>
    public const int FamilyLengthMax = 200;

    private const int FieldLengthMax = 100;
    private const int InstallerNameLengthMax = 20;
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 8 };

    /// <summary>The product that names the agent: what stands before the first slash, in lower case.</summary>
    public static string Family(string agent)
    {
        ArgumentNullException.ThrowIfNull(agent);
        var head = agent.Length > LengthMax ? agent[..LengthMax] : agent;
        var slash = head.IndexOf('/', StringComparison.Ordinal);
        return Clean(slash < 0 ? head : head[..slash], FamilyLengthMax)?.ToLowerInvariant() ?? "";
    }

    /// <summary>Whether the agent is an installer that looks packages up: pip or uv.</summary>
    public static bool IsInstaller(string agent) => IsInstallersFamily(Family(agent));

    internal static bool IsInstallersFamily(string family) => family is "pip" or "uv";

    /// <summary>What an installer tells of itself; all fields null where it tells nothing that can be read.</summary>
    public static InstallerState ReadInstaller(string agent)
    {
        ArgumentNullException.ThrowIfNull(agent);
        var start = agent.IndexOf('{', StringComparison.Ordinal);
        if (start < 0 || agent.Length > LengthMax || !IsInstaller(agent)) return InstallerState.Unknown;
        try
        {
            using var document = JsonDocument.Parse(agent.AsMemory(start), Options);
            return Read(document.RootElement);
        }
        catch (Exception fault) when (fault is JsonException or ArgumentException)
        {
            // The second is said of half a surrogate pair
            return InstallerState.Unknown;
        }
    }

    private static InstallerState Read(JsonElement root) => new(
        Arch: Text(root, "cpu"),
        DistroName: Text(Member(root, "distro"), "name"),
        DistroVersion: Text(Member(root, "distro"), "version"),
        OsName: Text(Member(root, "system"), "name"),
        OsVersion: Text(Member(root, "system"), "release"),
        PyName: Text(Member(root, "implementation"), "name"),
        PyVersion: Text(root, "python") ?? Text(Member(root, "implementation"), "version"),
        InstallerName: Text(Member(root, "installer"), "name", InstallerNameLengthMax),
        InstallerVersion: Text(Member(root, "installer"), "version"),
        SetuptoolsVersion: Text(root, "setuptools_version"));

    private static JsonElement Member(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out var value) ? value : default;

    private static string? Text(JsonElement parent, string name, int lengthMax = FieldLengthMax) =>
        Member(parent, name) is { ValueKind: JsonValueKind.String } value ? Clean(ReadString(value), lengthMax) : null;

    // An escaped lone surrogate is no text
    private static string? ReadString(JsonElement value)
    {
        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    // Without control characters, which the database refuses in part; never ends within a surrogate pair
    private static string? Clean(string? text, int lengthMax)
    {
        if (text is null) return null;
        var clean = string.Concat(text.Where(c => !char.IsControl(c)));
        if (clean.Length <= lengthMax) return clean;
        return clean[..(char.IsHighSurrogate(clean[lengthMax - 1]) ? lengthMax - 1 : lengthMax)];
    }
}
