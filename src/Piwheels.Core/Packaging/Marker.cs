using System.Diagnostics.CodeAnalysis;

namespace Piwheels.Core.Packaging;

/// <summary>
/// A condition on the environment (PEP 508, "Environment markers"), e.g.
/// <c>python_version &lt; "3.11" and platform_machine != "armv7l"</c>.
/// </summary>
public abstract record Marker
{
    /// <summary>How deep parentheses may be nested.</summary>
    public const int DepthMax = 32;

    private Marker()
    {
    }

    /// <summary>Reads a marker. False for what is none, or is nested too deep or too long.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out Marker? marker)
    {
        marker = null;
        if (text is not { Length: <= Requirement.LengthMax }) return false;
        var reader = new RequirementReader(text);
        marker = reader.ReadMarker();
        if (!reader.AtEnd) marker = null;
        return marker is not null;
    }

    /// <summary>Whether the condition holds.</summary>
    public abstract bool Holds(MarkerEnvironment environment);

    /// <summary>
    /// Whether the condition holds for what is installed with these extras: for one of them, or without any.
    /// </summary>
    public bool Holds(MarkerEnvironment environment, IEnumerable<string> extras) =>
        Holds(environment with { Extra = "" })
        || extras.Any(extra => Holds(environment with { Extra = extra }));

    /// <summary>Both conditions.</summary>
    public sealed record And(Marker Left, Marker Right) : Marker
    {
        public override bool Holds(MarkerEnvironment environment) =>
            Left.Holds(environment) && Right.Holds(environment);

        public override string ToString() => $"{Grouped(Left)} and {Grouped(Right)}";

        private static string Grouped(Marker part) => part is Or ? $"({part})" : part.ToString();
    }

    /// <summary>One of two conditions, or both.</summary>
    public sealed record Or(Marker Left, Marker Right) : Marker
    {
        public override bool Holds(MarkerEnvironment environment) =>
            Left.Holds(environment) || Right.Holds(environment);

        public override string ToString() => $"{Left} or {Right}";
    }

    /// <summary>A comparison of two values.</summary>
    /// <param name="Sign">A comparison of versions, <c>in</c> or <c>not in</c>.</param>
    public sealed record Comparison(MarkerValue Left, string Sign, MarkerValue Right) : Marker
    {
        internal const string In = "in";
        internal const string NotIn = "not in";

        public override bool Holds(MarkerEnvironment environment)
        {
            var (left, right) = (Left.In(environment), Right.In(environment));
            if (Left.IsExtra || Right.IsExtra)
            {
                (left, right) = (PackageName.Canonicalize(left), PackageName.Canonicalize(right));
            }

            if (Sign is In or NotIn) return right.Contains(left, StringComparison.Ordinal) == (Sign == In);
            return VersionSpecifier.TryParse(Sign + right, out var specifier)
                && PackageVersion.TryParse(left, out var version)
                    ? specifier.Contains(version)
                    : CompareTexts(left, right);
        }

        public override string ToString() => $"{Left} {Sign} {Right}";

        // What is no version is compared as text (PEP 508)
        private bool CompareTexts(string left, string right)
        {
            var order = string.CompareOrdinal(left, right);
            return Sign switch
            {
                "==" or "===" => order == 0,
                "!=" => order != 0,
                "<=" => order <= 0,
                ">=" => order >= 0,
                "<" => order < 0,
                ">" => order > 0,
                _ => false,
            };
        }
    }
}

/// <summary>One side of a comparison: a variable of the environment, or a text.</summary>
public readonly record struct MarkerValue(string Text, bool IsVariable)
{
    internal bool IsExtra => IsVariable && Text == "extra";

    /// <summary>The text, or the variable's value.</summary>
    public string In(MarkerEnvironment environment) => IsVariable ? environment[Text] ?? "" : Text;

    public override string ToString()
    {
        if (IsVariable) return Text;
        return Text.Contains('"', StringComparison.Ordinal) ? $"'{Text}'" : $"\"{Text}\"";
    }
}
