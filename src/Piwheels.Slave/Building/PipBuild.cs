using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Slave.Python;

namespace Piwheels.Slave.Building;

/// <summary>What a build may use, and how long it may take.</summary>
/// <param name="Timeout">The longest time that pip may run.</param>
/// <param name="ExtraIndexes">Indexes to look build requirements up in, besides the master's.</param>
internal sealed record BuildRules(TimeSpan Timeout, IReadOnlyList<Uri> ExtraIndexes);

/// <summary>Reads a wheel as the master wants it described.</summary>
/// <exception cref="InvalidDataException">It is no sound wheel; the message names it, and says why.</exception>
internal delegate FileState InspectWheel(string path);

/// <summary>
/// Builds one release as wheels, by pip, in a folder of its own: always from source for the release itself, without
/// its dependencies, and with nothing left of it that runs when it is over.
/// </summary>
internal sealed partial class PipBuild(
    PythonFacts python,
    BuildRules rules,
    InspectWheel inspect,
    TimeProvider time,
    ILogger logger)
{
    /// <summary>How long the output may stay open when no process of the build is left to write to it.</summary>
    private static readonly TimeSpan OutputEndTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Builds a release. What goes wrong with it is a failed build, with the reason in its output.</summary>
    /// <param name="index">The simple index that has the source.</param>
    /// <param name="drop">Stops the build.</param>
    /// <exception cref="SlaveException">There is no such Python any more.</exception>
    /// <exception cref="OperationCanceledException">It was stopped, and nothing of it runs any more.</exception>
    public async Task<BuildResult> RunAsync(
        BuildFolder folder,
        Release release,
        Uri index,
        CancellationToken drop)
    {
        if (!File.Exists(python.Executable)) throw new SlaveException($"{python.Executable} is gone");
        var output = new CappedOutput();
        if (!VersionText().IsMatch(release.Version)) return Failed(default, output, new BuildEnding.NotBegun($"'{release.Version}' is no version"));
        var start = time.GetTimestamp();
        var (ended, ending) = await RunPipAsync(folder, Command(folder, release, index), output, drop);
        var duration = time.GetElapsedTime(start, ended);
        drop.ThrowIfCancellationRequested();
        if (ending is not BuildEnding.Exited { Status: 0 }) return Failed(duration, output, ending);

        try
        {
            var files = InspectWheels(folder);
            return files.Count > 0
                ? new BuildResult(true, duration, output.ToText(), files)
                : Failed(duration, output, ending, "pip ended well, but made no wheel");
        }
        catch (InvalidDataException e)
        {
            return Failed(duration, output, ending, e.Message);
        }
    }

    /// <summary>pip's arguments. Neither part of the release can be taken for an option, or for another release.</summary>
    internal List<string> Command(BuildFolder folder, Release release, Uri index) =>
    [
        python.Executable, "-m", "pip", "wheel",
        "--wheel-dir", folder.Wheels,
        "--no-deps",
        "--no-cache-dir",
        "--no-binary", release.Package.Value,
        "--prefer-binary",
        "--disable-pip-version-check",
        "--exists-action=w",
        "--progress-bar=off",
        "--index-url=" + index.AbsoluteUri,
        .. rules.ExtraIndexes.Select(extra => "--extra-index-url=" + extra.AbsoluteUri),
        $"{release.Package}=={release.Version}",
    ];

    private async Task<(long Ended, BuildEnding Ending)> RunPipAsync(
        BuildFolder folder,
        List<string> command,
        CappedOutput output,
        CancellationToken drop)
    {
        using var limit = new CancellationTokenSource(rules.Timeout, time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, drop);
        await using var tree = ProcessTree.Start(
            command, folder.Work, BuildEnvironment.ForBuild(folder, python.Executable), time);
        var read = output.ReadToEndAsync(tree.Output);
        BuildEnding ending;
        try
        {
            ending = BuildEnding.FromStatus(await tree.Exited.WaitAsync(stop.Token));
        }
        catch (OperationCanceledException)
        {
            ending = new BuildEnding.LimitReached(
                BuildLimit.WallTime,
                $"the build was stopped after {Duration(rules.Timeout)}, the longest that it may take");
        }

        var ended = time.GetTimestamp();
        await EndAsync(tree);
        await Task.WhenAny(read, Task.Delay(OutputEndTimeout, time, CancellationToken.None));
        return (ended, ending);
    }

    private async Task EndAsync(ProcessTree tree)
    {
        try
        {
            await tree.EndAsync();
        }
        catch (TimeoutException e)
        {
            LogNotEnded(logger, e.Message);
        }
    }

    /// <summary>What may stand after ==, PEP 440 or older: no blank, no marker, no wildcard.</summary>
    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._!+-]*\z")]
    private static partial Regex VersionText();

    private List<FileState> InspectWheels(BuildFolder folder) =>
    [
        .. Directory.EnumerateFiles(folder.Wheels)
            .OrderBy(path => Path.GetFileName(path), StringComparer.Ordinal)
            .Select(path => inspect(path)),
    ];

    private static BuildResult Failed(TimeSpan duration, CappedOutput output, BuildEnding ending, string? reason = null)
    {
        var text = output.ToText();
        var separator = text.Length == 0 || text.EndsWith('\n') ? "" : "\n";
        return new BuildResult(false, duration, $"{text}{separator}\npiw-slave: {reason ?? ending.Reason}\n", [])
        {
            Ending = ending,
        };
    }

    private static string Duration(TimeSpan duration) => duration.TotalMinutes >= 2
        ? string.Create(CultureInfo.InvariantCulture, $"{duration.TotalMinutes:0.#} minutes")
        : string.Create(CultureInfo.InvariantCulture, $"{duration.TotalSeconds:0.#} seconds");

    [LoggerMessage(Level = LogLevel.Error, Message = "a process of the build is left over: {Reason}")]
    private static partial void LogNotEnded(ILogger logger, string reason);
}
