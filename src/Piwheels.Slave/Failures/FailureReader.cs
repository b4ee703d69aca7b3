using System.Buffers;
using System.Text.RegularExpressions;
using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;
using Piwheels.Slave.Building;

namespace Piwheels.Slave.Failures;

/// <summary>
/// Finds out why a build failed: from how it ended, where that says it, else from what it printed. A build may print what
/// it likes, so an answer is a claim: at worst it has the release tried again some times for nothing.
/// </summary>
internal sealed partial class FailureReader(AptCatalog apt)
{
    /// <summary>Characters of the log's end that are looked at.</summary>
    public const int LogLengthMax = 512 * 1024;

    /// <summary>Lines of it that are looked at.</summary>
    public const int LinesMax = 8_000;

    /// <summary>Characters of a line that are looked at.</summary>
    public const int LineLengthMax = 500;

    private const int CallLinesBefore = 5;
    private const int SignalKill = 9;
    private const string SlavesMark = "\npiw-slave: ";

    // Most lines of a log have none of these, and none of the rules matches one without
    private static readonly SearchValues<string> Signs = SearchValues.Create(
        [
            "error", "exception", "not found", "cannot", "could not", "no such", "no package", "no space", "quota", "kill",
            "memory", "bad_alloc", "undefined", "multiple definition", "unable", "terminated", "required", "requires",
            "unsupported", "not supported", "supported", "development", "devel ", "dev ", "fail", "not installed", "must be",
            "unreachable", "resolve", "exit", "conflict", "unavailable", "neither", "pip._vendor", "package", "***", "connection",
        ],
        StringComparison.OrdinalIgnoreCase);

    /// <summary>Why a build failed: from its ending, else from its log.</summary>
    public BuildFailure Read(Release release, BuildResult result)
    {
        if (result.Failure is { } known) return known;
        var reason = result.Ending.Reason;
        switch (result.Ending)
        {
            case BuildEnding.LimitReached reached:
                return new BuildFailure(ClassOf(reached.Limit), reason);
            // Nobody else but the kernel sends it, when memory is short
            case BuildEnding.Signalled { Signal: SignalKill }:
                return new BuildFailure(FailureClass.OutOfMemory, reason);
            case BuildEnding.NotBegun:
                return new BuildFailure(FailureClass.Unknown, reason);
            case BuildEnding.Exited { Status: 0 }:
                var word = SlavesWord(result.Output) ?? reason;
                return new BuildFailure(
                    FailureRules.DiskFull().IsMatch(word) ? FailureClass.DiskFull : FailureClass.BadWheel, word);
        }

        var failure = Read(release, result.Output, reason);
        return failure.Class == FailureClass.Network && result.RefusedHosts is [var host, ..]
            ? new BuildFailure(FailureClass.NetworkRefused, $"{host} is not where a build may connect: {failure.Evidence}")
            : failure;
    }

    /// <summary>Why a build failed whose ending does not say it.</summary>
    /// <param name="release">What was built.</param>
    /// <param name="log">What the build printed.</param>
    /// <param name="reason">How it ended, in words; the evidence where the log has none.</param>
    public BuildFailure Read(Release release, string log, string reason)
    {
        var lines = Lines(log);
        Finding? best = null;
        for (var i = 0; i < lines.Count; i++)
        {
            if (Find(release, lines, i) is { } finding && (best is null || finding.Weight >= best.Weight)) best = finding;
        }

        if (best is not null) return new BuildFailure(best.Class, best.Evidence, best.Apt);
        return LastWord(lines) is { } word
            ? new BuildFailure(FailureClass.BuildScript, word)
            : new BuildFailure(FailureClass.Unknown, reason);
    }

    private static FailureClass ClassOf(BuildLimit limit) => limit switch
    {
        BuildLimit.WallTime or BuildLimit.CpuTime => FailureClass.TimeOut,
        BuildLimit.Memory => FailureClass.OutOfMemory,
        BuildLimit.Disk => FailureClass.DiskFull,
        _ => FailureClass.LimitReached,
    };

    private static string? SlavesWord(string log) =>
        log.LastIndexOf(SlavesMark, StringComparison.Ordinal) is >= 0 and var at ? log[(at + SlavesMark.Length)..] : null;

    private Finding? Find(Release release, List<string> lines, int at)
    {
        var line = lines[at];
        if (!line.AsSpan().ContainsAny(Signs) || Noise().IsMatch(line)) return null;
        foreach (var rule in FailureRules.All)
        {
            if (rule.Line.Match(line) is not { Success: true } match) continue;
            var name = match.Groups["name"].Value;
            if (rule.Line == FailureRules.NoProgramCalled()) return FileOrProgram(lines, at, name);
            if (rule is { Class: FailureClass.MissingRequirement, Weight: FailureWeight.Verdict })
                return Undistributed(release, lines, at, name);
            return new Finding(rule.Weight, rule.Class, Evidence(lines, at), apt.Of(rule.Kind, name));
        }

        return null;
    }

    // pip says the same of a source that is not there, is not for this Python, or could not be reached
    private static Finding Undistributed(Release release, List<string> lines, int at, string wanted)
    {
        var before = lines.Take(at).ToList();
        if (before.FindLast(line => Retrying().IsMatch(line)) is { } retry)
            return new Finding(FailureWeight.Verdict, FailureClass.Network, retry);
        if (!IsRelease(wanted, release))
            return new Finding(FailureWeight.Verdict, FailureClass.MissingRequirement, lines[at]);
        if (before.FindLast(line => OtherPythons().IsMatch(line)) is { } other)
            return new Finding(FailureWeight.Verdict, FailureClass.UnsupportedPython, other);
        return before.FindLast(line => Inconsistent().IsMatch(line)) is { } source
            ? new Finding(
                FailureWeight.Verdict, FailureClass.BadSource,
                source[source.IndexOf("has inconsistent", StringComparison.Ordinal)..])
            : new Finding(FailureWeight.Verdict, FailureClass.NoSource, lines[at]);
    }

    private Finding FileOrProgram(List<string> lines, int at, string name)
    {
        var isProgram = lines.Skip(Math.Max(0, at - CallLinesBefore)).Take(CallLinesBefore)
            .Any(line => line.Contains("_execute_child", StringComparison.Ordinal));
        return isProgram
            ? new Finding(FailureWeight.Cause, FailureClass.MissingProgram, lines[at], apt.Of(MissingKind.Program, name))
            : new Finding(FailureWeight.Cause, FailureClass.BuildScript, lines[at]);
    }

    // cmake has its message in the next line
    private static string Evidence(List<string> lines, int at) =>
        lines[at].EndsWith("):", StringComparison.Ordinal) && at + 1 < lines.Count ? $"{lines[at]} {lines[at + 1]}" : lines[at];

    private static bool IsRelease(string wanted, Release release) =>
        wanted.Split("==") is [var name, var version]
        && PackageName.TryParse(name.Trim(), out var package) && package == release.Package
        && version.Trim() == release.Version;

    /// <summary>What a build script said last before it gave up, as pip shows it.</summary>
    private static string? LastWord(List<string> lines)
    {
        var end = lines.FindLastIndex(static line => line == "[end of output]");
        var word = end > 0 ? lines.FindLastIndex(end - 1, static line => line.Length > 0) : -1;
        return word < 0 || lines[word].StartsWith('╰') ? null : lines[word];
    }

    private static List<string> Lines(string log)
    {
        var lines = new List<string>();
        var end = log.AsSpan(Math.Max(0, log.Length - LogLengthMax));
        foreach (var range in end.Split('\n'))
        {
            var line = end[range].Trim(" \t\r│");
            lines.Add((line.Length > LineLengthMax ? line[..LineLengthMax] : line).ToString());
        }

        return lines.Count > LinesMax ? lines[^LinesMax..] : lines;
    }

    /// <summary>What pip says of every failure, and lines of source that compilers show.</summary>
    [GeneratedRegex(
        @"^error: (?:subprocess-exited-with-error|metadata-generation-failed|legacy-install-failure)"
        + @"|^ERROR: Failed (?:to build|building) |^note: |^WARNING: Retrying |^\d* *\| |^ERROR: Could not find a version"
        + @"|^ERROR: Command errored out|^ERROR: Ignored the following "
        + @"|^(?:raise|File|#|//|\*)\b|: (?:warning|note): |^DEPRECATION: |^× |^WARNING: ")]
    private static partial Regex Noise();

    [GeneratedRegex(@"^WARNING: Retrying \(Retry\(total=0|^WARNING: Retrying .*connection broken by ")]
    private static partial Regex Retrying();

    [GeneratedRegex("^(?:Discarding|WARNING: Requested) .* has inconsistent ")]
    private static partial Regex Inconsistent();

    [GeneratedRegex("^ERROR: Ignored the following versions that require a different python version: ")]
    private static partial Regex OtherPythons();

    private sealed record Finding(FailureWeight Weight, FailureClass Class, string Evidence, string? Apt = null);
}
