using System.Diagnostics.CodeAnalysis;

namespace Piwheels.Core.Packaging;

/// <summary>
/// What is wanted of a project (PEP 508), e.g. <c>requests[socks]&gt;=2,&lt;3; python_version &lt; "3.11"</c>.
/// </summary>
public sealed class Requirement
{
    /// <summary>The longest text that is read, in characters.</summary>
    public const int LengthMax = 16_384;

    internal Requirement(
        string name, PackageName package, IReadOnlyList<string> extras, SpecifierSet specifier, string? url, Marker? marker)
    {
        Name = name;
        Package = package;
        Extras = extras;
        Specifier = specifier;
        Url = url;
        Marker = marker;
    }

    /// <summary>The project's name as it was written.</summary>
    public string Name { get; }

    public PackageName Package { get; }

    /// <summary>The extras as they were written, in ordinal order, without repetitions.</summary>
    public IReadOnlyList<string> Extras { get; }

    /// <summary>Which versions; any where a URL is named instead.</summary>
    public SpecifierSet Specifier { get; }

    /// <summary>Where to get it from; null where an index is to be asked.</summary>
    public string? Url { get; }

    /// <summary>When it is wanted; null: always.</summary>
    public Marker? Marker { get; }

    /// <summary>Reads a requirement. False for anything else.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out Requirement? requirement) =>
        TryParse(text, out requirement, out _);

    /// <summary>Reads a requirement; where there is none, <paramref name="problem"/> says in words why.</summary>
    public static bool TryParse(
        [NotNullWhen(true)] string? text,
        [NotNullWhen(true)] out Requirement? requirement,
        [NotNullWhen(false)] out string? problem)
    {
        (requirement, problem) = (null, null);
        if (text is not { Length: <= LengthMax })
        {
            problem = $"longer than {LengthMax} characters";
            return false;
        }

        var reader = new RequirementReader(text);
        requirement = reader.ReadRequirement();
        if (requirement is null) problem = reader.Problem;
        return requirement is not null;
    }

    /// <summary>As <see cref="TryParse(string?, out Requirement?)"/>.</summary>
    /// <exception cref="FormatException">The text is no requirement.</exception>
    public static Requirement Parse(string text) =>
        TryParse(text, out var requirement, out var problem)
            ? requirement
            : throw new FormatException($"'{Excerpt.Of(text)}' is not a requirement: {problem}");

    /// <summary>Whether it is wanted in an environment without extras, other than the environment's own one.</summary>
    public bool AppliesTo(MarkerEnvironment environment) => Marker?.Holds(environment) ?? true;

    /// <summary>The requirement in a form that reads back as the same.</summary>
    public override string ToString()
    {
        var extras = Extras.Count == 0 ? "" : $"[{string.Join(',', Extras)}]";
        var source = Url is null ? Specifier.ToString() : $" @ {Url}";
        var gap = Url is null ? "" : " ";
        return Marker is null ? $"{Name}{extras}{source}" : $"{Name}{extras}{source}{gap}; {Marker}";
    }
}
