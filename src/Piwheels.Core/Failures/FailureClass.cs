namespace Piwheels.Core.Failures;

/// <summary>Why a build failed, as far as its end and its log tell.</summary>
public enum FailureClass
{
    /// <summary>Nothing that is known was found.</summary>
    Unknown,

    /// <summary>There was no room on a disk.</summary>
    DiskFull,

    /// <summary>A host could not be reached, fell silent, or sent something broken.</summary>
    Network,

    /// <summary>The index does not have the source, or not yet.</summary>
    NoSource,

    /// <summary>It used all memory there was, or that it was allowed.</summary>
    OutOfMemory,

    /// <summary>It took longer than it may.</summary>
    TimeOut,

    /// <summary>It wanted to connect where a build may not.</summary>
    NetworkRefused,

    /// <summary>It came to another limit than those of time, memory and disk.</summary>
    LimitReached,

    /// <summary>The compiler did not find a header.</summary>
    MissingHeader,

    /// <summary>A library is not there, for the linker or for a script that looks for it.</summary>
    MissingLibrary,

    /// <summary>A program that the build starts is not there.</summary>
    MissingProgram,

    /// <summary>The compiler, assembler or linker refused the code.</summary>
    CompilerError,

    /// <summary>A project that the build needs is not there, or not in the version wanted.</summary>
    MissingRequirement,

    /// <summary>The release is not for this Python.</summary>
    UnsupportedPython,

    /// <summary>The release's own build script gave up.</summary>
    BuildScript,

    /// <summary>What was released cannot be read, or is not whole.</summary>
    BadSource,

    /// <summary>It made no wheel, or one that is not sound, or not of what was asked for.</summary>
    BadWheel,

    /// <summary>Its wheel is whole, but a module in machine code of it cannot be loaded.</summary>
    ImportFailed,
}

/// <summary>What is known of each class.</summary>
public static class FailureClasses
{
    /// <summary>The longest word, in characters, as the database has it.</summary>
    public const int WordLengthMax = 30;

    // On the wire and in databases: a word is never changed, nor used for anything else
    private static readonly (FailureClass Class, string Word, bool Transient, string Text)[] Table =
    [
        (FailureClass.Unknown, "unknown", false, "not known why"),
        (FailureClass.DiskFull, "disk-full", true, "the disk was full"),
        (FailureClass.Network, "network", true, "the network failed"),
        (FailureClass.NoSource, "no-source", true, "no source at the index"),
        (FailureClass.OutOfMemory, "out-of-memory", true, "out of memory"),
        (FailureClass.TimeOut, "time-out", true, "took too long"),
        (FailureClass.NetworkRefused, "network-refused", false, "it may not connect there"),
        (FailureClass.LimitReached, "limit-reached", false, "it came to a limit"),
        (FailureClass.MissingHeader, "missing-header", false, "a header is missing"),
        (FailureClass.MissingLibrary, "missing-library", false, "a library is missing"),
        (FailureClass.MissingProgram, "missing-program", false, "a program is missing"),
        (FailureClass.CompilerError, "compiler-error", false, "the compiler refused it"),
        (FailureClass.MissingRequirement, "missing-requirement", false, "a build requirement is missing"),
        (FailureClass.UnsupportedPython, "unsupported-python", false, "not for this Python"),
        (FailureClass.BuildScript, "build-script", false, "its build script gave up"),
        (FailureClass.BadSource, "bad-source", false, "its source is broken"),
        (FailureClass.BadWheel, "bad-wheel", false, "its wheel is not sound"),
        (FailureClass.ImportFailed, "import-failed", false, "its wheel cannot be imported"),
    ];

    /// <summary>The word on the wire and in the database.</summary>
    public static string Word(this FailureClass failure) => Table[(int)failure].Word;

    /// <summary>The class in some words for people, to stand after the state.</summary>
    public static string Text(this FailureClass failure) => Table[(int)failure].Text;

    /// <summary>
    /// Whether it says nothing about the release: the same build may succeed at another time, or on another machine.
    /// </summary>
    public static bool IsTransient(this FailureClass failure) => Table[(int)failure].Transient;

    /// <summary>Reads what <see cref="Word"/> writes, and nothing else.</summary>
    public static bool TryParse(string? word, out FailureClass failure)
    {
        foreach (var (each, itsWord, _, _) in Table)
        {
            failure = each;
            if (itsWord == word) return true;
        }

        failure = default;
        return false;
    }
}
