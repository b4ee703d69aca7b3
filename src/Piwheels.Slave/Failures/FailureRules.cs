using System.Text.RegularExpressions;
using Piwheels.Core.Failures;

namespace Piwheels.Slave.Failures;

/// <summary>
/// What pip, Python, compilers, linkers and build systems print when they fail, as tests/data/failures has it. Of two
/// rules that match one line the first counts.
/// </summary>
internal static partial class FailureRules
{
    private const FailureWeight Machine = FailureWeight.Machine;
    private const FailureWeight Verdict = FailureWeight.Verdict;
    private const FailureWeight Cause = FailureWeight.Cause;
    private const FailureWeight Consequence = FailureWeight.Consequence;

    public static readonly IReadOnlyList<FailureRule> All =
    [
        new(Machine, FailureClass.DiskFull, DiskFull()),
        new(Machine, FailureClass.OutOfMemory, OutOfMemory()),
        new(Machine, FailureClass.OutOfMemory, KilledPart()),

        new(Verdict, FailureClass.UnsupportedPython, OtherPython()),
        new(Verdict, FailureClass.NoSource, PipNotThere()),
        new(Verdict, FailureClass.Network, PipNetwork()),
        new(Verdict, FailureClass.Network, HashMismatch()),
        new(Verdict, FailureClass.MissingRequirement, NoDistribution()),

        new(Cause, FailureClass.BadSource, MissingSource()),
        new(Cause, FailureClass.MissingHeader, MissingHeader(), MissingKind.Header),
        new(Cause, FailureClass.MissingHeader, MissingHeaderClang(), MissingKind.Header),
        new(Cause, FailureClass.MissingLibrary, NoLibrary(), MissingKind.Library),
        new(Cause, FailureClass.MissingLibrary, NoPkgConfig(), MissingKind.PkgConfig),
        new(Cause, FailureClass.MissingLibrary, NoMesonDependency(), MissingKind.PkgConfig),
        new(Cause, FailureClass.MissingLibrary, NoMesonLibrary(), MissingKind.Library),
        new(Cause, FailureClass.MissingLibrary, NoCMakePackage(), MissingKind.CMake),
        new(Cause, FailureClass.MissingLibrary, NoSharedObject()),
        new(Cause, FailureClass.MissingLibrary, SaidLibrary(), MissingKind.Library),
        new(Cause, FailureClass.MissingProgram, NoConfigProgram(), MissingKind.Program),
        new(Cause, FailureClass.MissingProgram, NoProgram(), MissingKind.Program),
        new(Cause, FailureClass.MissingProgram, NoProgramCalled(), MissingKind.Program),
        new(Cause, FailureClass.MissingProgram, NoRust(), MissingKind.Program),
        new(Cause, FailureClass.MissingProgram, NoMesonProgram(), MissingKind.Program),
        new(Cause, FailureClass.UnsupportedPython, GoneFromPython()),
        new(Cause, FailureClass.UnsupportedPython, SaidPython()),
        new(Cause, FailureClass.MissingRequirement, NoModule()),
        new(Cause, FailureClass.MissingRequirement, TooOld()),
        new(Cause, FailureClass.Network, ScriptNetwork()),
        new(Cause, FailureClass.BadSource, BrokenSource()),
        new(Cause, FailureClass.BuildScript, MesonError()),
        new(Cause, FailureClass.CompilerError, CompilerError()),
        new(Cause, FailureClass.CompilerError, LinkerError()),
        new(Cause, FailureClass.CompilerError, RustError()),

        new(Consequence, FailureClass.CompilerError, CommandFailed()),
        new(Consequence, FailureClass.BuildScript, CalledFailed()),
        new(Cause, FailureClass.BuildScript, PythonException()),
        new(FailureWeight.Summary, FailureClass.BuildScript, CMakeError()),
    ];

    [GeneratedRegex(@"No space left on device|Disk quota exceeded|\[Errno (?:28|122)\]|\(os error 28\)")]
    internal static partial Regex DiskFull();

    [GeneratedRegex(
        @"virtual memory exhausted|\bstd::bad_alloc\b|^MemoryError\b|Cannot allocate memory|LLVM ERROR: out of memory"
        + @"|memory allocation of \d+ bytes failed|\bout of memory allocating \d+ bytes|\[Errno 12\]")]
    private static partial Regex OutOfMemory();

    /// <summary>Signal 9 comes from the kernel, when memory is short or a limit is reached.</summary>
    [GeneratedRegex(
        @"Killed signal terminated program|\bterminated with signal 9\b|internal compiler error: Killed|\(signal: 9, SIGKILL"
        + @"|died with <Signals\.SIGKILL: 9>|unable to execute command: Killed|exit code: -9\b")]
    private static partial Regex KilledPart();

    [GeneratedRegex(@"^ERROR: Package '[^']*' requires a different Python: ")]
    private static partial Regex OtherPython();

    [GeneratedRegex(@"^ERROR: HTTP error 40[34] while getting |^ERROR: Could not install requirement .* because of HTTP error 40[34] ")]
    private static partial Regex PipNotThere();

    [GeneratedRegex(
        @"^ERROR: HTTP error \d|^ERROR: Could not install requirement .* because of HTTP error "
        + @"|^(?:ERROR: .*)?pip\._vendor\.(?:urllib3|requests)\.exceptions\.|^ERROR: Exception: .*(?:Timeout|Connection)Error"
        + @"|^error: (?:incomplete-download|ssl-|connection-)")]
    private static partial Regex PipNetwork();

    [GeneratedRegex("^ERROR: THESE PACKAGES DO NOT MATCH THE HASHES")]
    private static partial Regex HashMismatch();

    [GeneratedRegex("^ERROR: No matching distribution found for (?<name>.+)")]
    private static partial Regex NoDistribution();

    [GeneratedRegex(
        @"^\S*(?:cc1|cc1plus|clang|gcc|g\+\+)\S*: (?:fatal )?error: (?:no such file or directory: )?'?(?<name>\S+?)'?(?:: No such file or directory)$"
        + @"|fatal error: '?(?<name>\S+\.(?:c|cc|cpp|cxx|C|S|s|pyx|pxd))'?(?:: No such file or directory| file not found)"
        + @"|^clang.*error: no such file or directory: ")]
    private static partial Regex MissingSource();

    [GeneratedRegex(@"(?:fatal )?error: (?<name>[\w./+-]+): No such file or directory$")]
    private static partial Regex MissingHeader();

    [GeneratedRegex(@"error: '(?<name>[\w./+-]+)' file not found")]
    private static partial Regex MissingHeaderClang();

    [GeneratedRegex(@"(?:cannot find|unable to find library) -l(?<name>[\w.+-]+)")]
    private static partial Regex NoLibrary();

    [GeneratedRegex(
        @"^(?:-- +)?No package '(?<name>[^']+)' found|^(?:-- +)?Package '?(?<name>[^' ]+)'? was not found in the pkg-config search path"
        + @"|^(?:-- +)?Package '(?<name>[^']+)', required by ")]
    private static partial Regex NoPkgConfig();

    [GeneratedRegex(@"ERROR: Dependency ""(?<name>[^""]+)"" not found|ERROR: Dependency lookup for (?<name>\S+) ")]
    private static partial Regex NoMesonDependency();

    [GeneratedRegex(@"ERROR: \S+ (?:shared or static )?library '(?<name>[^']+)' not found")]
    private static partial Regex NoMesonLibrary();

    // With "-- " in front of it cmake goes on without
    [GeneratedRegex(@"^Could NOT find (?<name>\w+)|^Could not find a (?:package )?configuration file .*""(?<name>\w+)"""
        + @"|^Could not find directory of (?<name>OpenSSL) installation")]
    private static partial Regex NoCMakePackage();

    [GeneratedRegex(
        @"(?:error while loading shared libraries: |(?:OSError|ImportError): )(?<name>[\w.+-]+\.so[\w.]*): cannot open shared object")]
    private static partial Regex NoSharedObject();

    [GeneratedRegex(
        @"headers or library files could not be found for (?<name>[\w+-]+)|^\S*RequiredDependencyException: (?<name>[\w+-]+)"
        + @"|(?:\blib(?<name>[\w+-]+) )?\b(?:development|devel|dev) (?:headers|packages|files|librar(?:y|ies))\b", RegexOptions.IgnoreCase)]
    private static partial Regex SaidLibrary();

    [GeneratedRegex(@"(?<name>\b\w+[_-]config)\b(?: executable)?(?:'|:)? (?:command )?not found|\bNo such file or directory: '(?<name>\w+[_-]config)'")]
    private static partial Regex NoConfigProgram();

    [GeneratedRegex(
        @"^\S*sh: (?:line )?(?:\d+: )?(?<name>[\w.+/-]+): (?:command )?not found|^make(?:\[\d+\])?: (?<name>[\w.+/-]+): No such file or directory"
        + @"|(?:unable to execute|^error: command) '(?<name>[^']+)'(?:: | failed: )No such file or directory"
        + @"|No (?<name>CMAKE_\w+_COMPILER) could be found|ERROR: Unknown compiler\(s\): \[\['(?<name>[^']+)'"
        + @"|\b(?<name>cmake|CMake|ninja|swig|SWIG|gfortran|bison|flex|git|make|patchelf)(?: executable)? (?:must be installed|is not installed|not found\.?$)"
        + @"|^(?:Exception: )?(?:Error|ERROR|error): (?<name>[\w-]+) (?:executable )?(?:was )?not found\.?$", RegexOptions.ExplicitCapture)]
    private static partial Regex NoProgram();

    /// <summary>A program or a file: the lines before it tell.</summary>
    [GeneratedRegex(@"^(?:FileNotFoundError|PermissionError): \[Errno (?:2|13)\] [^:]+: '(?<name>[^']+)'")]
    internal static partial Regex NoProgramCalled();

    [GeneratedRegex(@"can't find (?<name>Rust) compiler|(?<name>Cargo), the Rust package manager, is not installed|(?<name>cargo)(?: was)? not found")]
    private static partial Regex NoRust();

    [GeneratedRegex(@"ERROR: Program '(?<name>\S+)(?: [^']*)?' not found")]
    private static partial Regex NoMesonProgram();

    /// <summary>What Python 3, 3.8 to 3.13 and setuptools 58 do without.</summary>
    [GeneratedRegex(
        @"^SyntaxError: Missing parentheses in call to|setup command: use_2to3 is invalid|^TabError: |^SyntaxError: multiple exception types must"
        + @"|No module named '(?:distutils|imp|asyncore|asynchat|cgi|pipes|crypt|urllib2|ConfigParser|configparser2|__builtin__|commands|StringIO|Queue)'"
        + @"|module 'configparser' has no attribute 'SafeConfigParser'|module '(?:collections|inspect|pkgutil|ast|platform|time)' has no attribute"
        + @"|cannot import name '\w+' from '(?:collections|inspect|asyncio|typing|distutils\.\w+)'")]
    private static partial Regex GoneFromPython();

    [GeneratedRegex(
        @"\bpython (?:version )?v?[23](?:\.\d+)*\b.*\b(?:is |are )?(?:not supported|unsupported|no longer supported|or (?:newer|higher|later|above))"
        + @"|\b(?:only (?:supports?|for|works? (?:with|on)|versions)|requires?|needs?|unsupported) python (?:version )?[<>=~]*\s?[23]"
        + @"|only versions .* are supported|python version .* (?:not|un)\s?supported", RegexOptions.IgnoreCase)]
    private static partial Regex SaidPython();

    [GeneratedRegex(
        @"^ModuleNotFoundError: No module named |^ImportError: (?:No module named |cannot import name )|BackendUnavailable: (?!Traceback)"
        + @"|^\S*(?:DistributionNotFound|VersionConflict): |^ERROR: Some build dependencies for .* (?:are missing|conflict)")]
    private static partial Regex NoModule();

    [GeneratedRegex(
        @"CMake \d[\d.]* or higher is required|requires? rustc \d|rustc [\d.]+ is not supported|Meson version is .* but project requires"
        + @"|requires rust(?:c)? (?:version )?>?=? ?\d|feature `\w+` is required|lock file version \S+ requires")]
    private static partial Regex TooOld();

    [GeneratedRegex(
        @"Could not resolve (?:host|proxy)|Temporary failure in name resolution|Name or service not known|<urlopen error "
        + @"|HTTP Error (?:5\d\d|429)|^\S*(?:ReadTimeout|ConnectTimeout|ConnectionReset|ConnectionRefused|ConnectionAborted|IncompleteRead)\w*: "
        + @"|Connection (?:timed out|refused|reset by peer)|Network is unreachable|spurious network error|failed to (?:fetch|download from) `"
        + @"|The requested URL returned error: 5\d\d|failed to query replaced source registry")]
    private static partial Regex ScriptNetwork();

    [GeneratedRegex(
        @"TOMLDecodeError|neither 'setup\.py' nor 'pyproject\.toml' found|^ERROR: Requested .* has inconsistent|^(?:EOFError|tarfile\.\w+Error|zipfile\.BadZipFile|zlib\.error|gzip\.BadGzipFile|lzma\.LZMAError): "
        + @"|has invalid metadata|configuration error: `|^ERROR: .*\bcannot (?:unpack|detect archive format)|invalid pyproject\.toml|InvalidPyProject"
        + @"|has an invalid wheel|^ERROR: .* has a pyproject\.toml file that does not comply with PEP 518")]
    private static partial Regex BrokenSource();

    [GeneratedRegex(@"^\S*meson\.build:\d+:\d+: ERROR: ")]
    private static partial Regex MesonError();

    [GeneratedRegex(@"^[^\s:]+:\d+(?::\d+)?: (?:fatal )?[Ee]rror: \S")]
    private static partial Regex CompilerError();

    [GeneratedRegex(@"undefined reference to |multiple definition of |\bld(?:\.\w+)?: error: |relocation .* can not be used|undefined symbol: ")]
    private static partial Regex LinkerError();

    [GeneratedRegex(@"^error\[E\d+\]: |^error: (?:failed to run custom build command|cannot find (?:macro|attribute))")]
    private static partial Regex RustError();

    [GeneratedRegex(
        @"^(?:\S*CompileError: )?error: command .* failed|^error: Command .* failed|^\S+(?:CompileError|LinkError|ExecError): |^error: (?:could not compile|linking with) |ld returned \d exit status"
        + @"|linker command failed|^\w*make(?:\[\d+\])?: \*\*\* |^ninja: build stopped|^FAILED: ")]
    private static partial Regex CommandFailed();

    [GeneratedRegex(@"^\S*CalledProcessError: |^SystemExit: |^\S*(?:RuntimeError|Exception|DistutilsSetupError|BuildException): .*\b(?:[Cc]ommand|[Cc]ompil\w+|[Bb]uild)\b.*\b(?:fail|exit|error)")]
    private static partial Regex CalledFailed();

    [GeneratedRegex(@"^(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Exit|Failure|Conflict|Unavailable): \S")]
    private static partial Regex PythonException();

    [GeneratedRegex("^CMake Error(?: at |: )")]
    private static partial Regex CMakeError();
}
