using System.Text;
using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Cbor;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Master.Building;

/// <summary>
/// Checks what a slave claims to have built before anything of it reaches the disk or the database. A slave runs other
/// people's code, so that its word counts for nothing: not for names, tags or sizes, nor for which package it was.
/// </summary>
/// <remarks>
/// A claim that is refused becomes a failed build with the reason at the end of its log. It is recorded as any other
/// failure, so that the release does not come back for ever, and people can read why.
/// </remarks>
public static class BuiltCheck
{
    /// <summary>Characters of a log that are kept; of a longer one the beginning and the end.</summary>
    public const int LogLengthMax = WireLimits.LogBytesMax;

    /// <summary>Characters that a log may have above that, so that one that was cut, and says so, is not cut again.</summary>
    private const int GapLengthMax = 200;

    /// <summary>Characters of the beginning that are kept of a log that is too long.</summary>
    public const int LogHeadLength = WireLimits.LogHeadBytes;

    public const int FilesMax = 50;

    /// <summary>Characters of the dependencies of all files of a build; a thousand times what real ones have.</summary>
    public const int DependencyTextMax = 100_000;

    /// <summary>What is to be recorded: the claim as it was, in order and complete, or a failure that says why not.</summary>
    public static BuildState Check(int slaveId, SlaveHello hello, Release release, SlaveRequest.Built claim)
    {
        var target = hello.Target;
        var duration = claim.Duration;
        string? refusal = null;
        if (duration < TimeSpan.Zero || duration > SlaveSession.BuildTimeMax)
        {
            refusal = $"a build cannot take {duration}";
            duration = TimeSpan.Zero;
        }

        var build = new BuildState(
            slaveId, release.Package.Value, release.Version, target.Abi, claim.Status, duration,
            CleanLog(claim.Output), [], target.Platform);
        if (refusal is not null) return Failed(build, refusal);
        if (!claim.Status)
            return BuildFailure.TryReadEnd(build.Output, out var failure) ? build with { Failure = failure } : build;
        refusal = FirstRefusal(claim.Files, release, target);
        return refusal is null ? build with { Files = InOrder(claim.Files) } : Failed(build, refusal);
    }

    /// <summary>The same build as a failure; the reason is appended to its log, with its class as a slave would.</summary>
    public static BuildState Failed(BuildState build, string reason)
    {
        var separator = build.Output.Length == 0 || build.Output.EndsWith('\n') ? "" : "\n";
        var failure = new BuildFailure(FailureClass.BadWheel, $"the master refused it: {reason}");
        return build with
        {
            Status = false,
            Files = [],
            Failure = failure,
            Output = failure.AppendTo($"{build.Output}{separator}\nThe master refused this build: {Clean(reason)}\n"),
        };
    }

    private static List<FileState> InOrder(IReadOnlyList<FileState> files) =>
    [
        .. files
            .OrderBy(static file => file.Filename, StringComparer.Ordinal)
            // Where a file is listed is for the master to say; upper-case hashes are the same hashes
            .Select(static file => file with
            {
                FileHash = file.FileHash.ToLowerInvariant(),
                Location = FileState.DefaultLocation,
            }),
    ];

    private static string? FirstRefusal(IReadOnlyList<FileState> files, Release release, Target target)
    {
        if (files.Count == 0) return "it made no wheel";
        if (files.Count > FilesMax) return $"{files.Count} files are too many";
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var file in files)
        {
            if (Refusal(file, release, target) is { } reason) return $"{Excerpt.Of(file.Filename)}: {reason}";
            if (!names.Add(file.Filename)) return $"{file.Filename} comes twice";
        }

        var text = files.Sum(static file => file.Dependencies.Values.Sum(static names => names.Sum(static name => name.Length)));
        return text <= DependencyTextMax ? null : $"its dependencies have {text} characters";
    }

    /// <summary>Why one file's claims cannot be true; null when they can.</summary>
    public static string? Refusal(FileState file, Release release, Target target)
    {
        if (FileClaim.Refusal(file, release) is { } reason) return reason;
        var tags = WheelFileName.Parse(file.Filename).Tags;
        foreach (var tag in tags)
        {
            if (!PlausibleTags.IsPlausible(tag, target)) return $"a build for {target} does not make {tag}";
        }

        return Coverage.Covers(tags, target) ? null : $"it does not run on {target}";
    }

    /// <summary>A log as it can be stored: without NUL, which PostgreSQL does not take, and of limited length.</summary>
    public static string CleanLog(string log)
    {
        if (log.Length > LogLengthMax + GapLengthMax)
        {
            var head = WholeCharacters(log, LogHeadLength);
            var tail = WholeCharacters(log, log.Length - (LogLengthMax - LogHeadLength));
            var gap = $"\n\n[... {tail - head} characters left out by the master ...]\n\n";
            log = string.Concat(log.AsSpan(0, head), gap, log.AsSpan(tail));
        }

        return Clean(log);
    }

    /// <summary>The index, or the next one where it would cut a surrogate pair in two.</summary>
    private static int WholeCharacters(string text, int index) => char.IsLowSurrogate(text[index]) ? index + 1 : index;

    private static string Clean(string text) => text.Contains('\0', StringComparison.Ordinal)
        ? new StringBuilder(text).Replace('\0', '\uFFFD').ToString()
        : text;
}
