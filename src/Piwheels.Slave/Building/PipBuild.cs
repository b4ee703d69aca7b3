using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using Piwheels.Core.Packaging;
using Piwheels.Core.Recipes;
using Piwheels.Core.States;
using Piwheels.Slave.Python;
using Piwheels.Slave.Sandboxing;
using Piwheels.Slave.Trials;

namespace Piwheels.Slave.Building;

/// <summary>
/// Builds one release as wheels, by pip, in a folder of its own: always from source for the release itself, without
/// its dependencies, and with nothing left of it that runs when it is over.
/// </summary>
internal sealed partial class PipBuild(
    PythonFacts python,
    BuildRules rules,
    BuildContainment containment,
    InspectWheel inspect,
    TimeProvider time,
    ILogger logger)
{
    /// <summary>Builds a release. What goes wrong with it is a failed build, with the reason in its output.</summary>
    /// <param name="index">The simple index that has the source.</param>
    /// <param name="drop">Stops the build.</param>
    /// <param name="output">Takes what it prints; for whoever wants to see that before it has ended.</param>
    /// <exception cref="SlaveException">There is no such Python any more.</exception>
    /// <exception cref="OperationCanceledException">It was stopped, and nothing of it runs any more.</exception>
    public async Task<BuildResult> RunAsync(
        BuildFolder folder,
        Release release,
        Uri index,
        CancellationToken drop,
        CappedOutput? output = null)
    {
        if (!File.Exists(python.Executable)) throw new SlaveException($"{python.Executable} is gone");
        var run = new ContainedRun(folder, python.Executable, index, containment, rules, time, logger)
        {
            Output = output ?? new CappedOutput(),
        };
        if (!VersionText().IsMatch(release.Version))
            return Failed(run, new BuildEnding.NotBegun($"'{release.Version}' is no version"));
        if (RecipeRules.Fault(rules.Recipe) is { } fault)
            return Failed(run, new BuildEnding.NotBegun($"its recipe is refused: {fault}"));
        var ending = rules.Network == BuildNetwork.None
            ? await new OfflineBuild(python.Executable, folder, run, rules.Recipe.PipArguments)
                .RunAsync(release, [index, .. rules.ExtraIndexes], drop)
            : await RunPipAsync(run, folder, release, index, drop);
        if (ending is not BuildEnding.Exited { Status: 0 }) return Failed(run, ending);

        try
        {
            var wheels = InspectWheels(folder);
            return wheels.Count > 0
                ? await TryAsync(run, ending, folder, wheels, index, drop)
                : Failed(run, ending, "pip ended well, but made no wheel");
        }
        catch (InvalidDataException e)
        {
            return Failed(run, ending, e.Message);
        }
        catch (UnauthorizedAccessException e)
        {
            return Failed(run, ending, $"its wheels cannot be read: {e.Message}"); // It closed them itself
        }
    }

    /// <summary>pip fetches the source itself, unless that is to be changed before pip sees it.</summary>
    private async Task<BuildEnding> RunPipAsync(
        ContainedRun run, BuildFolder folder, Release release, Uri index, CancellationToken drop)
    {
        if (rules.Recipe.Patch is null) return await run.RunAsync(Command(run.Place, release, index), rules.Network, drop);
        var ending = await run.RunAsync(
            [
                python.Executable, "-I", $"{run.Place.Slave}/prepare.py", "source", run.Place.Store, release.Package.Value,
                release.Version, index.AbsoluteUri, .. rules.ExtraIndexes.Select(extra => extra.AbsoluteUri),
            ],
            rules.Network, drop);
        if (ending is not BuildEnding.Exited { Status: 0 }) return ending;
        var source = Directory.EnumerateFiles(Path.Combine(folder.Store, "sdist")).Select(Path.GetFileName).Single();
        return await run.RunAsync(
            Command(run.Place, release, index, $"{run.Place.Store}/sdist/{source}"), rules.Network, drop);
    }

    /// <summary>pip's arguments. Neither part of the release can be taken for an option, or for another release.</summary>
    /// <param name="source">A file to build in place of what the index has.</param>
    internal List<string> Command(BuildPlace place, Release release, Uri index, string? source = null) =>
    [
        python.Executable, "-m", "pip", "wheel",
        "--wheel-dir", place.Wheels,
        "--no-deps",
        "--no-cache-dir",
        "--no-binary", release.Package.Value,
        "--prefer-binary",
        "--disable-pip-version-check",
        "--exists-action=w",
        "--progress-bar=off",
        "--index-url=" + index.AbsoluteUri,
        .. rules.ExtraIndexes.Select(extra => "--extra-index-url=" + extra.AbsoluteUri),
        .. rules.Recipe.PipArguments,
        source ?? $"{release.Package}=={release.Version}",
    ];

    /// <summary>What may stand after ==, PEP 440 or older: no blank, no marker, no wildcard.</summary>
    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._!+-]*\z")]
    private static partial Regex VersionText();

    private List<InspectedWheel> InspectWheels(BuildFolder folder) =>
    [
        .. Directory.EnumerateFiles(folder.Wheels)
            .OrderBy(path => Path.GetFileName(path), StringComparer.Ordinal)
            .Select(path => inspect(path)),
    ];

    /// <summary>Imports what the wheels have, if that is wanted: the last thing before they are handed over.</summary>
    private async Task<BuildResult> TryAsync(
        ContainedRun run, BuildEnding ending, BuildFolder folder, List<InspectedWheel> wheels, Uri index,
        CancellationToken drop)
    {
        var remarks = wheels.Where(wheel => wheel.Remark is not null)
            .Select(wheel => $"{wheel.File.Filename} {wheel.Remark}").ToList();
        List<FileState> files = [.. wheels.Select(wheel => wheel.File)];
        foreach (var wheel in rules.ImportTime is null ? [] : wheels)
        {
            var trial = new ImportTrial(python, rules, rules.ImportTime!.Value, containment, time, logger);
            var outcome = await trial.RunAsync(folder, wheel, index, drop);
            if (outcome is TrialOutcome.NotTried) continue;
            if (WheelSeal.Breach(folder.Wheels, files) is { } breach)
                return Failed(run, ending, $"while {wheel.File.Filename} was imported its files were changed: {breach}");
            if (outcome is TrialOutcome.Failed failed)
            {
                run.Output.Append(Encoding.UTF8.GetBytes(failed.Output));
                var reason = $"{wheel.File.Filename} cannot be imported: {failed.Failure.Evidence}";
                return Failed(run, ending, reason) with { Failure = failed.Failure };
            }

            remarks.Add(outcome is TrialOutcome.Inconclusive doubt
                ? $"{wheel.File.Filename} was not tried to its end, which is no fault of it: {doubt.Why}"
                : $"{wheel.File.Filename} can be imported");
        }

        return Ended(run, ending, files, remarks);
    }

    private BuildResult Failed(ContainedRun run, BuildEnding ending, string? reason = null) =>
        Ended(run, ending, [], [], reason ?? ending.Reason);

    private BuildResult Ended(
        ContainedRun run, BuildEnding ending, IReadOnlyList<FileState> files, IReadOnlyList<string> remarks,
        string? reason = null)
    {
        var text = new StringBuilder(run.Output.ToText());
        foreach (var line in RecipeText.LinesOf(rules.Recipe)) Say($"by its recipe: {line}");
        foreach (var host in run.RefusedHosts)
            Say($"the build wanted to connect to {host}, which it may not (--build-hosts says where it may)");
        foreach (var remark in remarks) Say(remark);
        if (reason is not null) Say(reason);
        return new BuildResult(reason is null, run.Duration, text.ToString(), files)
        {
            Ending = ending,
            RefusedHosts = run.RefusedHosts,
        };

        void Say(string line)
        {
            if (text.Length > 0 && text[^1] != '\n') text.Append('\n');
            text.Append(CultureInfo.InvariantCulture, $"piw-slave: {line}\n");
        }
    }
}
