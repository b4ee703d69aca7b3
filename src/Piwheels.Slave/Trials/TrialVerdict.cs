using System.Globalization;
using System.Text.RegularExpressions;
using Piwheels.Core.Failures;
using Piwheels.Slave.Building;
using Piwheels.Slave.Limits;
using Piwheels.Slave.Wheels;

namespace Piwheels.Slave.Trials;

/// <summary>
/// Decides what an import says about a wheel. It fails only by what its own machine code is the cause of: a symbol or
/// library that is not there, a file for another machine, a module without its first function, a crash while it is
/// loaded. All else may be different where the wheel is used.
/// </summary>
internal sealed partial class TrialVerdict(WheelContents contents)
{
    private const int EvidenceMax = BuildFailure.EvidenceLengthMax;

    /// <summary>Signals of what a processor or the C library refuses to go on with.</summary>
    private static readonly Dictionary<int, string> Crashes = new()
    {
        [4] = "SIGILL",
        [6] = "SIGABRT",
        [7] = "SIGBUS",
        [8] = "SIGFPE",
        [11] = "SIGSEGV",
    };

    private readonly HashSet<string> _files = contents.Files.ToHashSet(StringComparer.Ordinal);

    private readonly HashSet<string> _needed =
        contents.Objects.SelectMany(part => part.Elf.Needed).ToHashSet(StringComparer.Ordinal);

    /// <summary>Why the wheel fails; null when it does not.</summary>
    public BuildFailure? Failure(TrialReport report, BuildEnding ending) =>
        report.Events.Select(FailureOf).FirstOrDefault(failure => failure is not null) ?? CrashOf(report, ending);

    /// <summary>Why the import says nothing; null when all of it went well.</summary>
    public static string? Doubt(TrialReport report, BuildEnding ending, ResourceLimits limits) => ending switch
    {
        BuildEnding.LimitReached { Limit: BuildLimit.WallTime } =>
            $"its import did not end within {LimitCheck.Duration(limits.WallTime)}",
        BuildEnding.LimitReached { Why: var why } => why,
        BuildEnding.Signalled { Signal: var signal } => $"its import was ended by {NameOf(signal)}",
        BuildEnding.Exited { Status: 0 } when report.HasEnd =>
            report.Events.FirstOrDefault(each => each.Event == "raised") is { } raised
                ? OneLine($"importing {raised.Module} raised {raised.Error}: {FirstLine(raised.Text)}")
                : null,
        _ => "its import ended before it was through",
    };

    /// <summary>Text of a stranger on one line.</summary>
    internal static string OneLine(string text) => new BuildFailure(FailureClass.Unknown, text).Evidence;

    private BuildFailure? FailureOf(TrialEvent each)
    {
        if (each.Event is not ("fault" or "raised") || each.Kind is not ("ImportError" or "OSError")) return null;
        var text = FirstLine(each.Text);
        var failure = ClassOf(text, each);
        return failure is null
            ? null
            : new BuildFailure(failure.Value, $"{each.Loading ?? each.Module}: {each.Error}: {text}");
    }

    private FailureClass? ClassOf(string text, TrialEvent each)
    {
        if (NoLibrary().Match(text) is { Success: true } missing)
        {
            var library = missing.Groups["library"].Value;
            if (IsOwn(library)) return FailureClass.ImportFailed; // It is there, and not for this machine
            return _needed.Contains(library) && !contents.Needs.Owned.Contains(library) ? FailureClass.MissingLibrary : null;
        }

        if (Unloadable().Match(text) is { Success: true } refused && IsOwn(refused.Groups["file"].Value))
            return FailureClass.ImportFailed;

        // What has such a name without being a module is loaded by ctypes; only a package that imports it is wrong
        return each.Event == "raised" && NoInit().IsMatch(text) && IsOwn(each.File) ? FailureClass.ImportFailed : null;
    }

    private BuildFailure? CrashOf(TrialReport report, BuildEnding ending) =>
        ending is BuildEnding.Signalled { Signal: var signal } && Crashes.ContainsKey(signal)
            && report.Loading is [.., var innermost] && IsOwn(innermost)
            ? new BuildFailure(FailureClass.ImportFailed, $"{innermost}: {NameOf(signal)} while it was loaded")
            : null;

    private static string NameOf(int signal) => Crashes.TryGetValue(signal, out var name)
        ? name
        : string.Create(CultureInfo.InvariantCulture, $"signal {signal}");

    /// <summary>Whether the wheel has a file. The loader says "thing/../thing.libs/lib.so" for what it found by $ORIGIN.</summary>
    private bool IsOwn(string? path)
    {
        if (path is null || path.StartsWith('/')) return false;
        var folders = new List<string>();
        foreach (var part in path.Split('/'))
        {
            if (part == ".." && folders.Count > 0) folders.RemoveAt(folders.Count - 1);
            else if (part is not ("." or "")) folders.Add(part);
        }

        return _files.Contains(string.Join('/', folders));
    }

    private static string FirstLine(string? text)
    {
        var line = (text ?? "").Split('\n')[0];
        return line.Length > EvidenceMax * 4 ? line[..(EvidenceMax * 4)] : line;
    }

    // dlopen(3) of the GNU C library, and of musl
    [GeneratedRegex(
        @"^(?<library>[^:\s]+): cannot open shared object file: No such file or directory\z"
        + @"|^Error loading shared library (?<library>[^:\s]+): No such file or directory(?: \(needed by [^)]*\))?\z")]
    private static partial Regex NoLibrary();

    [GeneratedRegex(
        @"^(?<file>[^:]+): (?:undefined symbol: |wrong ELF class: |invalid ELF header|file too short"
        + @"|symbol \S+,? version \S+ not defined in file |ELF file |only ET_DYN and ET_EXEC can be loaded|object file has no |cannot dynamically load |unexpected reloc type )"
        + @"|: version `[^']+' not found \(required by (?<file>[^)]+)\)"
        + @"|^Error relocating (?<file>[^:]+): .*: symbol not found|^Error loading shared library (?<file>[^:]+): Exec format error")]
    private static partial Regex Unloadable();

    [GeneratedRegex(@"^dynamic module does not define (?:module export|init) function \(")]
    private static partial Regex NoInit();
}
