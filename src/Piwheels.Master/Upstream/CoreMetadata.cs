namespace Piwheels.Master.Upstream;

/// <summary>
/// The headers of a METADATA or PKG-INFO file (packaging.python.org, core metadata), as far as the farm reads them.
/// </summary>
public sealed record CoreMetadata
{
    /// <summary>The most requirements that are taken from one file.</summary>
    public const int RequirementsMax = 2_000;

    public string? Name { get; private init; }
    public string? Version { get; private init; }
    public string? Summary { get; private init; }
    public string? RequiresPython { get; private init; }

    /// <summary>PEP 508 texts, as they stand there.</summary>
    public IReadOnlyList<string> RequiresDist { get; private init; } = [];

    /// <summary>Reads the headers; the body after the first empty line is left alone.</summary>
    public static CoreMetadata Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var metadata = new CoreMetadata();
        var requirements = new List<string>();
        foreach (var (key, value) in Headers(text))
        {
            if (value.Length == 0 || value == "UNKNOWN") continue;
            switch (key.ToLowerInvariant())
            {
                case "name":
                    metadata = metadata with { Name = metadata.Name ?? value };
                    break;
                case "version":
                    metadata = metadata with { Version = metadata.Version ?? value };
                    break;
                case "summary":
                    metadata = metadata with { Summary = metadata.Summary ?? value };
                    break;
                case "requires-python":
                    metadata = metadata with { RequiresPython = metadata.RequiresPython ?? value };
                    break;
                case "requires-dist" when requirements.Count < RequirementsMax:
                    requirements.Add(value);
                    break;
            }
        }

        return metadata with { RequiresDist = requirements };
    }

    /// <summary>
    /// Reads <c>Key: value</c> lines, and lines beginning with a blank as more of the value (RFC 822).
    /// </summary>
    private static IEnumerable<(string Key, string Value)> Headers(string text)
    {
        string? key = null;
        var value = "";
        using var lines = new StringReader(text);
        while (lines.ReadLine() is { Length: > 0 } line)
        {
            if (line[0] is ' ' or '\t')
            {
                value += " " + line.Trim();
                continue;
            }

            if (key is not null) yield return (key, value.Trim());
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            key = colon > 0 ? line[..colon].TrimEnd() : null;
            value = line[(colon + 1)..];
        }

        if (key is not null) yield return (key, value.Trim());
    }
}
