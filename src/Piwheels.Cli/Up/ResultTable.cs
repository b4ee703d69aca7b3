using Piwheels.Cli.Options;
using Piwheels.Core.Database;
using Spectre.Console;

namespace Piwheels.Cli.Up;

/// <summary>What was built and what was not, and why.</summary>
internal static class ResultTable
{
    private const int PlainWidth = 160;

    /// <summary>Writes the table; true when nothing failed.</summary>
    public static bool Write(SelectionStatus status, FarmWatch watch, Uri site, TextWriter output)
    {
        var table = new Table { Border = TableBorder.Simple };
        table.AddColumns("package", "version", "target", "result", "time", "why, and its log");
        var good = true;
        foreach (var progress in status.Packages.OrderBy(each => each.Package))
        {
            // Asked for on condition of something that this farm is not
            if (progress.State == SelectionState.Elsewhere) continue;
            if (progress.Releases.Count == 0 || progress.Message.Length > 0) good &= AddWithout(table, progress);
            foreach (var (release, target) in FarmWatch.TargetsOf(progress))
                good &= Add(table, watch.OutcomeOf(release, target), site);
        }

        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) });
        if (Console.IsOutputRedirected) console.Profile.Width = PlainWidth;
        console.Write(table);
        return good;
    }

    private static bool Add(Table table, BuildOutcome outcome, Uri site)
    {
        var (word, style) = outcome.Target.State switch
        {
            TargetState.Success => ("built", Color.Green),
            TargetState.Skip => ("skipped", Color.Grey),
            TargetState.Pending => ("waiting", Color.Yellow),
            TargetState.Upstream => ("upstream", Color.Green),
            TargetState.Linked => ("linked", Color.Green),
            _ => ("failed", Color.Red),
        };
        var why = outcome.Good || outcome.Target.BuildId is not { } id
            ? outcome.Reason
            : $"{outcome.Reason}\n{new Uri(site, BuildLog.PathOf(id))}";
        table.AddRow(
            new Text(outcome.Release.Package.Value),
            new Text(outcome.Release.Version),
            new Text(outcome.Target.Target.ToString()),
            new Text(word, new Style(style)),
            new Text(outcome.Duration is { } took ? DurationText.Show(took) : ""),
            new Text(why));
        return outcome.Target.State is not (TargetState.Fail or TargetState.Error or TargetState.Pending);
    }

    private static bool AddWithout(Table table, SelectionProgress progress)
    {
        table.AddRow(
            new Text(progress.Package.Value), new Text(""), new Text(""),
            new Text("not found", new Style(Color.Red)), new Text(""), new Text(progress.Message));
        return false;
    }
}
