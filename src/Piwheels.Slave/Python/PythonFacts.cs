using System.ComponentModel;
using System.Text.Json;
using System.Text.Json.Serialization;
using Piwheels.Core.Packaging;
using Piwheels.Slave.Building;

namespace Piwheels.Slave.Python;

/// <summary>No interpreter that can build was found. The message is one line for people, and says what to do.</summary>
public sealed class PythonNotFoundException(string message) : SlaveException(message);

/// <summary>What an interpreter that has pip tells about itself.</summary>
/// <param name="Executable">Its path, as it knows it itself.</param>
/// <param name="Version">Its version, e.g. <c>3.11.2</c>.</param>
/// <param name="PyVersion">The same as slaves tell it, e.g. <c>311</c>.</param>
/// <param name="Abi">Its ABI tag (PEP 425), e.g. <c>cp311</c>.</param>
/// <param name="Platform">Its platform tag, e.g. <c>linux_armv7l</c>; of its own word size, whatever the kernel's.</param>
/// <param name="PipVersion">pip's version.</param>
/// <param name="HasVenv">Whether it can make virtual environments, pip in them or not.</param>
/// <param name="Compiler">The C compiler that it would call; null when there is none.</param>
/// <param name="HasHeaders">Whether Python.h is there, which every extension in C includes.</param>
public sealed record PythonFacts(
    string Executable,
    string Version,
    string PyVersion,
    string Abi,
    string Platform,
    string PipVersion,
    bool HasVenv,
    string? Compiler,
    bool HasHeaders)
{
    /// <summary>How long an interpreter may take to answer: the smallest boards take seconds to start one.</summary>
    public static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(60);

    private const int AnswerBytesMax = 64 * 1024;

    /// <summary>Its machine's C library; null where it does not tell.</summary>
    public Glibc? Glibc { get; init; }

    /// <summary>The folders that it needs to run: its own, and that which it was made a virtual environment of.</summary>
    public IReadOnlyList<string> Folders { get; init; } = [];

    /// <summary>How its modules in machine code end, the one that it looks for first at the beginning.</summary>
    public IReadOnlyList<string> ExtensionSuffixes { get; init; } = [];

    /// <summary>What it builds for.</summary>
    public Target Target => new(Abi, Platform);

    /// <summary>What is missing without being needed by every build, each a line that says what to do.</summary>
    public IEnumerable<string> Warnings
    {
        get
        {
            if (Compiler is null) yield return "there is no C compiler: only pure Python packages will build (apt install build-essential)";
            else if (!HasHeaders) yield return $"{Executable} has no Python.h: packages in C will not build (apt install python3-dev)";
        }
    }

    /// <summary>
    /// Finds the interpreter to build with: the one that was configured, or else the first python3 on the PATH that has
    /// pip, or else /usr/bin/python3. Each candidate is run, as the current user.
    /// </summary>
    /// <param name="configured">A path or a name to look up on the PATH; null to search.</param>
    /// <exception cref="PythonNotFoundException">There is none.</exception>
    public static async Task<PythonFacts> FindAsync(string? configured, TimeProvider time, CancellationToken cancel)
    {
        PythonNotFoundException? firstRefusal = null;
        foreach (var candidate in Candidates(configured))
        {
            try
            {
                return await AskAsync(candidate, time, cancel);
            }
            catch (PythonNotFoundException refusal)
            {
                firstRefusal ??= refusal;
            }
        }

        throw firstRefusal ?? new PythonNotFoundException(configured is null
            ? "there is no python3 on the PATH (apt install python3 python3-pip)"
            : $"there is no {configured}, which is configured as the Python to build with");
    }

    /// <summary>Asks one interpreter.</summary>
    /// <exception cref="PythonNotFoundException">It does not run, or has no pip.</exception>
    public static async Task<PythonFacts> AskAsync(string executable, TimeProvider time, CancellationToken cancel)
    {
        var answer = await RunAsync(executable, time, cancel);
        PythonAnswer? facts = null;
        try
        {
            facts = JsonSerializer.Deserialize(LastLine(answer), PythonJson.Default.PythonAnswer);
        }
        catch (JsonException)
        {
            // Told below, with what it said instead
        }

        if (facts is null) throw new PythonNotFoundException($"{executable} is no Python 3 that works: {LastLine(answer)}");
        if (facts.Pip.Length == 0) throw new PythonNotFoundException($"{executable} has no pip (apt install python3-pip)");
        return new PythonFacts(
            facts.Executable.Length > 0 ? facts.Executable : executable,
            facts.Version,
            facts.PyVersion,
            facts.Abi,
            facts.Platform,
            facts.Pip,
            facts.Venv,
            facts.Compiler.Length > 0 ? facts.Compiler : null,
            facts.Headers)
        {
            Glibc = Core.Packaging.Glibc.TryParse(facts.Glibc, out var glibc) ? glibc : null,
            ExtensionSuffixes = facts.Extensions,
            Folders = facts.Folders,
        };
    }

    private static IEnumerable<string> Candidates(string? configured)
    {
        if (configured is not null && configured.Contains('/', StringComparison.Ordinal))
            return File.Exists(configured) ? [Path.GetFullPath(configured)] : [];
        var name = configured ?? "python3";
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        return folders.Append("/usr/bin").Select(folder => Path.Combine(folder, name)).Where(File.Exists)
            .Distinct(StringComparer.Ordinal);
    }

    private static async Task<string> RunAsync(string executable, TimeProvider time, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(ProbeTimeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        try
        {
            await using var tree = ProcessTree.Start(
                [executable, "-c", Resources.Facts], "/", BuildEnvironment.ForProbe(home, executable), time);
            var output = new CappedOutput(AnswerBytesMax, AnswerBytesMax);
            await output.ReadToEndAsync(tree.Output).WaitAsync(both.Token);
            await tree.Exited.WaitAsync(both.Token);
            return output.ToText();
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new PythonNotFoundException($"{executable} did not answer within {ProbeTimeout.TotalSeconds} s");
        }
        catch (Win32Exception e)
        {
            throw new PythonNotFoundException($"{executable} cannot be run: {e.Message}");
        }
    }

    private static string LastLine(string text) =>
        text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault() ?? "";
}

/// <summary>What facts.py prints.</summary>
internal sealed record PythonAnswer(
    [property: JsonRequired] string Executable,
    [property: JsonRequired] string Version,
    [property: JsonRequired] string PyVersion,
    [property: JsonRequired] string Abi,
    [property: JsonRequired] string Platform,
    [property: JsonRequired] string Glibc,
    [property: JsonRequired] string Pip,
    [property: JsonRequired] bool Venv,
    [property: JsonRequired] string Compiler,
    [property: JsonRequired] IReadOnlyList<string> Extensions,
    [property: JsonRequired] IReadOnlyList<string> Folders,
    [property: JsonRequired] bool Headers);

[JsonSerializable(typeof(PythonAnswer))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
internal sealed partial class PythonJson : JsonSerializerContext;
