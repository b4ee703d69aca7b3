using Piwheels.Slave.Checking;

namespace Piwheels.Cli.Administration;

/// <summary>What `piw slave --check` prints: a line for each finding, and the commands that mend what is not good.</summary>
internal static class CheckReport
{
    public static IEnumerable<string> Of(IReadOnlyList<CheckFinding> findings)
    {
        var width = findings.Max(finding => finding.Subject.Length);
        foreach (var finding in findings)
            yield return $"{Word(finding.Grade)}  {finding.Subject.PadRight(width)}  {finding.Fact.ReplaceLineEndings(" ")}";
        var commands = findings.Where(finding => finding.Grade != CheckGrade.Good)
            .Select(finding => finding.Mending).OfType<string>().Distinct(StringComparer.Ordinal).ToList();
        if (commands.Count == 0) yield break;
        yield return "";
        yield return "To mend it, as root:";
        foreach (var command in commands) yield return $"    {command}";
    }

    private static string Word(CheckGrade grade) => grade switch
    {
        CheckGrade.Good => "good   ",
        CheckGrade.Poor => "poor   ",
        _ => "MISSING",
    };
}
