using Microsoft.Extensions.Logging;
using Piwheels.Core.Recipes;
using Piwheels.Core.States;
using Piwheels.Slave.Building;
using Piwheels.Slave.Python;
using Piwheels.Slave.Sandboxing;
using Piwheels.Slave.Wheels;

namespace Piwheels.Slave.Trials;

/// <summary>
/// Imports what a wheel has, before it is handed over: in an environment of its own, with its dependencies as wheels from
/// the index, in the sandbox and within the limits of a build. What fetches runs nothing of the package, and what runs it
/// has no network, where there is a sandbox. Wheels without machine code are not tried: they cannot fail.
/// </summary>
/// <param name="timeMax">For the environment and the import together.</param>
internal sealed class ImportTrial(
    PythonFacts python, BuildRules rules, TimeSpan timeMax, BuildContainment containment, TimeProvider time, ILogger logger)
{
    private const int OutputLengthMax = 8 * 1024;
    private const string ProgramName = "trial.py";
    private const string ModulesName = "modules.txt";
    private const string ReportName = "report";

    private readonly BuildRules _rules = rules with
    {
        Recipe = Recipe.None,
        Limits = rules.Limits with { WallTime = timeMax },
    };

    /// <summary>
    /// Tries one wheel of a build whose processes have ended. What the build has left in its folder is removed, but for
    /// the wheels.
    /// </summary>
    /// <param name="index">The index that has the dependencies.</param>
    /// <exception cref="SlaveException">The sandbox does not run on this machine any more.</exception>
    /// <exception cref="OperationCanceledException">It was dropped, and nothing of it runs any more.</exception>
    public async Task<TrialOutcome> RunAsync(BuildFolder folder, InspectedWheel wheel, Uri index, CancellationToken drop)
    {
        var modules = WheelModules.Of(wheel.Contents, python.ExtensionSuffixes).ToImport;
        if (wheel.Contents.Objects.Count == 0 || modules.Count == 0) return new TrialOutcome.NotTried();
        ContainedRun run;
        try
        {
            folder.Clear();
            File.WriteAllText(Path.Combine(folder.Slave, ProgramName), Resources.Trial);
            File.WriteAllText(Path.Combine(folder.Slave, ModulesName), string.Concat(modules.Select(name => name + "\n")));
            run = new ContainedRun(folder, python.Executable, index, containment, _rules, time, logger) { KeepsWheels = true };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new TrialOutcome.Inconclusive($"there is no place to try it: {e.Message}");
        }

        return await RunAsync(run, folder, wheel, modules, index, drop);
    }

    private async Task<TrialOutcome> RunAsync(
        ContainedRun run, BuildFolder folder, InspectedWheel wheel, IReadOnlyList<string> modules, Uri index,
        CancellationToken drop)
    {
        var (place, path) = (run.Place, $"{run.Place.Wheels}/{wheel.File.Filename}");
        var environment = $"{place.Work}/environment";
        string[] import = [environment, $"{place.Work}/{ReportName}", $"{place.Slave}/{ModulesName}"];
        string[] program = ["-I", "-B", $"{place.Slave}/{ProgramName}"];
        BuildEnding ending;
        if (wheel.File.Dependencies.ContainsKey(FileState.PipTool))
        {
            ending = await run.RunAsync(
                [
                    python.Executable, .. program, "install", path, environment, index.AbsoluteUri,
                    .. rules.ExtraIndexes.Select(extra => extra.AbsoluteUri),
                ],
                BuildNetwork.Index, drop);
            if (ending is not BuildEnding.Exited { Status: 0 }) return new TrialOutcome.Inconclusive(Uninstalled(ending, run));
            ending = await run.RunAsync(
                [$"{environment}/bin/python", .. program, "import", .. import], BuildNetwork.None, drop);
        }
        else
        {
            ending = await run.RunAsync(
                [python.Executable, .. program, "unpack", path, .. import], BuildNetwork.None, drop);
        }

        var report = TrialReport.Read(Path.Combine(folder.Work, ReportName));
        if (new TrialVerdict(wheel.Contents).Failure(report, ending) is { } failure)
            return new TrialOutcome.Failed(failure, End(run.Output.ToText()));
        return TrialVerdict.Doubt(report, ending, _rules.Limits) is { } doubt
            ? new TrialOutcome.Inconclusive(doubt)
            : new TrialOutcome.Passed(modules);
    }

    /// <summary>pip's last error says which dependency has no wheel.</summary>
    private static string Uninstalled(BuildEnding ending, ContainedRun run)
    {
        const string What = "it cannot be installed with its dependencies as wheels";
        if (ending is BuildEnding.LimitReached { Why: var why }) return $"{What}: {why}";
        var error = run.Output.ToText().Split('\n')
            .LastOrDefault(line => line.StartsWith("ERROR: ", StringComparison.Ordinal));
        return TrialVerdict.OneLine(error is null ? What : $"{What}: {error["ERROR: ".Length..]}");
    }

    private static string End(string output) =>
        output.Length <= OutputLengthMax ? output : "[...]" + output[^OutputLengthMax..];
}
