using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Piwheels.Core.Packaging;

/// <summary>
/// The METADATA of a wheel (core metadata specification; PEP 566, PEP 643): what installers and the index need of it.
/// </summary>
public sealed class WheelMetadata
{
    /// <summary>The largest METADATA, in bytes; nearly all of it is a description.</summary>
    public const int BytesMax = 4 << 20;

    /// <summary>The longest Requires-Python that the database holds, in characters.</summary>
    public const int RequiresPythonLengthMax = 200;

    /// <summary>Most Requires-Dist lines.</summary>
    public const int RequirementsMax = 10_000;

    private static readonly string[] OnceFields = ["metadata-version", "name", "version", "requires-python"];

    private WheelMetadata(
        byte[] content, string name, string version, string? requiresPython, IReadOnlyList<string> requiresDist)
    {
        Content = content;
        Name = name;
        Version = version;
        RequiresPython = requiresPython;
        RequiresDist = requiresDist;
    }

    /// <summary>The file byte by byte, as the index offers it (PEP 658).</summary>
    public ReadOnlyMemory<byte> Content { get; }

    /// <summary>The folder of the wheel that it was found in; null where it was read alone.</summary>
    public string? Folder { get; private set; }

    public string Name { get; }

    public string Version { get; }

    /// <summary>The versions of Python that it runs on; null where it does not say, or not in a form that is valid.</summary>
    public string? RequiresPython { get; }

    /// <summary>Its requirements as they are written; they may be no requirements by PEP 508.</summary>
    public IReadOnlyList<string> RequiresDist { get; }

    /// <summary>Finds and reads the METADATA of a wheel. The stream must seek, and stays the caller's.</summary>
    /// <param name="problem">Why it is refused, in words.</param>
    /// <exception cref="IOException">The stream cannot be read.</exception>
    public static bool TryRead(
        Stream wheel, [NotNullWhen(true)] out WheelMetadata? metadata, [NotNullWhen(false)] out string? problem)
    {
        metadata = null;
        return WheelArchive.TryOpen(wheel, out var archive, out problem) && TryRead(archive, out metadata, out problem);
    }

    /// <summary>Finds and reads the METADATA of a wheel: there must be one <c>.dist-info</c> folder, complete.</summary>
    public static bool TryRead(
        WheelArchive archive, [NotNullWhen(true)] out WheelMetadata? metadata, [NotNullWhen(false)] out string? problem)
    {
        const string Suffix = ".dist-info";
        metadata = null;
        var folders = archive.Entries
            .Select(entry => entry.Name.Split('/', 2))
            .Where(parts => parts.Length == 2 && parts[0].EndsWith(Suffix, StringComparison.Ordinal))
            .Select(parts => parts[0]).Distinct(StringComparer.Ordinal).ToList();
        if (folders.Count != 1)
        {
            problem = folders.Count == 0 ? $"it has no {Suffix} folder" : $"it has several {Suffix} folders";
            return false;
        }

        foreach (var file in (ReadOnlySpan<string>)["METADATA", "WHEEL", "RECORD"])
        {
            if (archive.Entries.Any(entry => entry.Name == $"{folders[0]}/{file}")) continue;
            problem = $"it has no {file}";
            return false;
        }

        try
        {
            var entry = archive.Entries.First(entry => entry.Name == $"{folders[0]}/METADATA");
            if (!TryParse(archive.ReadAll(entry, BytesMax), out metadata, out problem)) return false;
            metadata.Folder = folders[0];
            return true;
        }
        catch (InvalidDataException e)
        {
            problem = e.Message;
            return false;
        }
    }

    /// <summary>Reads the header fields; what they describe must be named once.</summary>
    public static bool TryParse(
        byte[] content, [NotNullWhen(true)] out WheelMetadata? metadata, [NotNullWhen(false)] out string? problem)
    {
        metadata = null;
        var once = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var requirements = new List<string>();
        foreach (var (key, value) in Fields(Encoding.UTF8.GetString(content)))
        {
            if (key.Equals("requires-dist", StringComparison.OrdinalIgnoreCase))
            {
                requirements.Add(value);
            }
            else if (OnceFields.Contains(key, StringComparer.OrdinalIgnoreCase) && !once.TryAdd(key, value))
            {
                problem = $"its METADATA has {key} twice";
                return false;
            }
        }

        problem = requirements.Count > RequirementsMax ? "its METADATA has too many requirements" : null;
        if (!once.TryGetValue("name", out var name)) problem ??= "its METADATA has no name";
        if (!once.TryGetValue("version", out var version)) problem ??= "its METADATA has no version";
        if (problem is not null) return false;
        metadata = new WheelMetadata(content, name!, version!, ValidRequiresPython(once), requirements);
        return true;
    }

    /// <summary>
    /// Why it is not the METADATA of a wheel of that name, in words; null where all agree: project and version by
    /// their meaning, and the folder that it was found in, which installers look for by the project's name.
    /// </summary>
    public string? DisagreementWith(WheelFileName wheel)
    {
        if (PackageName.Canonicalize(Name) != wheel.CanonicalName)
        {
            return $"its METADATA is of the project '{Excerpt.Of(Name)}'";
        }

        if (!PackageVersion.TryParse(Version, out var version) || version != wheel.Version)
        {
            return $"its METADATA is of version '{Excerpt.Of(Version)}'";
        }

        return Folder is null || PackageName.Canonicalize(Folder).StartsWith(wheel.CanonicalName, StringComparison.Ordinal)
            ? null
            : $"its folder '{Excerpt.Of(Folder)}' is of another project";
    }

    /// <summary>
    /// The projects that must be there for it to run in an environment, extras left out: canonical names in order.
    /// Lines that are no requirements are passed over; installers refuse those themselves.
    /// </summary>
    public IReadOnlyList<string> MandatoryDependencies(MarkerEnvironment environment)
    {
        var plain = environment with { Extra = "" };
        var names = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var line in RequiresDist)
        {
            if (Requirement.TryParse(line, out var requirement) && requirement.AppliesTo(plain))
            {
                names.Add(requirement.Package.Value);
            }
        }

        return [.. names];
    }

    // One that is not valid keeps installers from reading the index line, or is ignored by them: better none
    private static string? ValidRequiresPython(Dictionary<string, string> fields) =>
        fields.TryGetValue("requires-python", out var text)
            && text is { Length: > 0 and <= RequiresPythonLengthMax }
            && SpecifierSet.TryParse(text, out _) ? text : null;

    // As Python's reader has it (RFC 5322, section 2.2): fields end at the first line that is none; what begins with a
    // blank goes on with the field before
    private static IEnumerable<(string Key, string Value)> Fields(string text)
    {
        string? key = null;
        var value = new StringBuilder();
        using var lines = new StringReader(text);
        while (lines.ReadLine() is { Length: > 0 } line)
        {
            if (line[0] is ' ' or '\t')
            {
                value.Append(' ').Append(line.AsSpan().Trim());
                continue;
            }

            var colon = line.IndexOf(':');
            if (colon < 0 || line.AsSpan(0, colon).ContainsAnyExceptInRange('!', '~')) break;
            if (key is not null) yield return (key, value.ToString().Trim());
            key = line[..colon];
            value.Clear().Append(line.AsSpan(colon + 1));
        }

        if (key is not null) yield return (key, value.ToString().Trim());
    }
}
