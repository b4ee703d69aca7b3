using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Piwheels.Core.Failures;

/// <summary>
/// Why a build failed, with the evidence. It travels as the last lines of the build's log, so that a master of any kind
/// shows it, and one that knows the form can store it:
/// <code>
/// piw-failure: 1 missing-header
/// piw-evidence: x.c:2:10: fatal error: libpq-fe.h: No such file or directory
/// piw-apt: libpq-dev
/// </code>
/// </summary>
/// <remarks>
/// The number is the form's version. Evidence and the Debian package are left out where there is none; a later version
/// may have more lines of the kind. Whoever runs the build writes them after all that the build has printed, and readers
/// take what the log ends with and nothing else: such lines of the build itself are output like any other.
/// </remarks>
public sealed record BuildFailure
{
    /// <summary>The longest evidence, in characters.</summary>
    public const int EvidenceLengthMax = 300;

    /// <summary>The longest name of a Debian package, in characters.</summary>
    public const int AptPackageLengthMax = 100;

    /// <summary>The most lines of a log's end that are of the form.</summary>
    public const int LinesMax = 8;

    private const int FormVersion = 1;
    private const int EndLengthMax = LinesMax * (EvidenceLengthMax + 50);
    private const string ClassKey = "piw-failure";
    private const string EvidenceKey = "piw-evidence";
    private const string AptKey = "piw-apt";

    /// <param name="failure">The class.</param>
    /// <param name="evidence">The line that says it. Of strangers: it becomes one line of limited length.</param>
    /// <param name="aptPackage">The Debian package that has what is missing; null where that is not known.</param>
    public BuildFailure(FailureClass failure, string evidence, string? aptPackage = null)
    {
        Class = failure;
        Evidence = OneLine(evidence);
        AptPackage = aptPackage is not null && IsAptPackage(aptPackage) ? aptPackage : null;
    }

    public FailureClass Class { get; }

    /// <summary>The line that says so, without control characters; empty where there is none.</summary>
    public string Evidence { get; }

    /// <summary>The Debian package that has what is missing, where that is known.</summary>
    public string? AptPackage { get; }

    /// <summary>Whether the log ends as this class writes it; what it says then.</summary>
    public static bool TryReadEnd(string log, [NotNullWhen(true)] out BuildFailure? failure)
    {
        failure = null;
        string? evidence = null, apt = null;
        var end = log.AsSpan(Math.Max(0, log.Length - EndLengthMax)).TrimEnd("\r\n");
        for (var i = 0; i < LinesMax; i++)
        {
            var start = end.LastIndexOf('\n') + 1;
            var line = end[start..].TrimEnd('\r');
            var colon = line.IndexOf(": ", StringComparison.Ordinal);
            if (colon < 0 || !line.StartsWith("piw-", StringComparison.Ordinal)) return false;
            var value = line[(colon + 2)..].ToString();
            switch (line[..colon])
            {
                case ClassKey:
                    failure = new BuildFailure(ReadClass(value), evidence ?? "", apt);
                    return true;
                case EvidenceKey:
                    evidence = value;
                    break;
                case AptKey:
                    apt = value;
                    break;
            }

            if (start == 0) return false;
            end = end[..(start - 1)];
        }

        return false;
    }

    /// <summary>The log with these lines behind it.</summary>
    public string AppendTo(string log)
    {
        var text = new StringBuilder(log, log.Length + 512);
        if (log.Length > 0 && log[^1] != '\n') text.Append('\n');
        text.Append(CultureInfo.InvariantCulture, $"{ClassKey}: {FormVersion} {Class.Word()}\n");
        if (Evidence.Length > 0) text.Append(CultureInfo.InvariantCulture, $"{EvidenceKey}: {Evidence}\n");
        if (AptPackage is not null) text.Append(CultureInfo.InvariantCulture, $"{AptKey}: {AptPackage}\n");
        return text.ToString();
    }

    /// <summary>Whether Debian would call a package so (Debian Policy, section 5.6.7).</summary>
    public static bool IsAptPackage(string name) =>
        name.Length is > 1 and <= AptPackageLengthMax && char.IsAsciiLetterOrDigit(name[0])
        && name.All(static c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '+' or '-' or '.');

    /// <summary>In one line for people.</summary>
    public override string ToString() =>
        Class.Text() + (Evidence.Length == 0 ? "" : $" ({Evidence})")
        + (AptPackage is null ? "" : $"; Debian has it in {AptPackage}");

    // A word of a later version is a class that nothing is known of
    private static FailureClass ReadClass(string value) =>
        value.Split(' ') is [_, var word, ..] && FailureClasses.TryParse(word, out var failure)
            ? failure
            : FailureClass.Unknown;

    private static string OneLine(string text)
    {
        var line = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
        {
            var known = IsShown(rune) ? rune : new Rune(' ');
            if (known.Value == ' ' && (line.Length == 0 || line[^1] == ' ')) continue;
            if (line.Length + known.Utf16SequenceLength > EvidenceLengthMax) break;
            line.Append(known.ToString());
        }

        return line.ToString().TrimEnd();
    }

    // Signs without a shape turn the line around, or hide parts of it (Unicode's category Cf)
    private static bool IsShown(Rune rune) => Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
        or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator or UnicodeCategory.PrivateUse
        or UnicodeCategory.OtherNotAssigned);
}
