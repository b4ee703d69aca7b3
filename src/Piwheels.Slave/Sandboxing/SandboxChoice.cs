using Microsoft.Extensions.Logging;
using Piwheels.Core.Packaging;
using Piwheels.Slave.Building;
using Piwheels.Slave.Limits;
using Piwheels.Slave.Python;

namespace Piwheels.Slave.Sandboxing;

/// <summary>Finds out, once, whether this machine can run the sandbox, by running the interpreter with its pip in it.</summary>
internal static partial class SandboxChoice
{
    private static readonly string[] Programs = ["/usr/bin/bwrap", "/usr/local/bin/bwrap"];
    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(60);
    private const int ReasonBytesMax = 2_000;

    /// <summary>The sandbox; null where builds run without.</summary>
    /// <param name="folders">What it is to show besides the system and the interpreter.</param>
    /// <exception cref="SlaveException">It has to be there and cannot run.</exception>
    public static async Task<BuildSandbox?> MakeAsync(
        SandboxMode mode, PythonFacts python, string builds, IReadOnlyList<string> folders, TimeProvider time,
        ILogger logger, CancellationToken stop)
    {
        if (mode == SandboxMode.Never)
        {
            LogNever(logger);
            return null;
        }

        var (sandbox, reason) = await TryAsync(python, builds, folders, time, logger, stop);
        if (sandbox is not null)
        {
            LogSandbox(logger);
            return sandbox;
        }

        if (mode == SandboxMode.Always)
            throw new SlaveException($"builds are to run in a sandbox, which does not work here: {reason}");
        LogCannot(logger, reason);
        return null;
    }

    /// <summary>Whether there is a bubblewrap, whether it works or not.</summary>
    public static bool IsInstalled => Programs.Any(File.Exists);

    /// <summary>The sandbox, or why it does not run here.</summary>
    public static async Task<(BuildSandbox? Sandbox, string Reason)> TryAsync(
        PythonFacts python, string builds, IReadOnlyList<string> folders, TimeProvider time, ILogger logger,
        CancellationToken stop)
    {
        var program = Programs.FirstOrDefault(File.Exists);
        if (program is null) return (null, "bwrap is not there (apt install bubblewrap)");
        IReadOnlyList<string> shown = [.. Shown(python, builds, folders)];
        var reason = "";
        foreach (var options in (IReadOnlyList<string>[])[BuildSandbox.NoNamespacesInside, []])
        {
            var sandbox = new BuildSandbox(program, python.Executable, shown, options);
            var problem = await ProbeAsync(sandbox, python, builds, time, logger, stop);
            if (problem is null) return (sandbox, "");
            reason = problem;
        }

        return (null, reason);
    }

    private static IEnumerable<string> Shown(PythonFacts python, string builds, IReadOnlyList<string> folders)
    {
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        string[] hidden = home.Length > 1 ? [home, Path.GetFullPath(builds)] : [Path.GetFullPath(builds)];
        return SystemView.Arguments().Concat(
            SystemView.Arguments([.. python.Folders, .. SystemView.RustFolders(), .. folders], hidden));
    }

    /// <summary>What it said instead of running; null when it runs.</summary>
    private static async Task<string?> ProbeAsync(
        BuildSandbox sandbox, PythonFacts python, string builds, TimeProvider time, ILogger logger, CancellationToken stop)
    {
        using var folder = BuildFolder.Create(builds, logger);
        BuildSandbox.Furnish(folder);
        using var limit = new CancellationTokenSource(ProbeTimeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stop);
        var command = sandbox.Command(
            folder, [python.Executable, "-c", "import pip"], BuildNetwork.None, new ResourceLimits());
        await using var tree = ProcessTree.Start(
            command, folder.Work,
            BuildEnvironment.ForBuild(BuildSandbox.Place, python.Executable, proxy: null, hasNetwork: false), time);
        var output = new CappedOutput(ReasonBytesMax, ReasonBytesMax);
        try
        {
            await output.ReadToEndAsync(tree.Output).WaitAsync(both.Token);
            return await tree.Exited.WaitAsync(both.Token) == 0 ? null : Excerpt.Of(output.ToText().Trim().Split('\n')[^1]);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return $"it did not start within {ProbeTimeout.TotalSeconds} s";
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "builds run in a sandbox (bubblewrap)")]
    private static partial void LogSandbox(ILogger logger);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "BUILDS RUN WITHOUT A SANDBOX, as the setting says: what is built can read and change everything that this user can")]
    private static partial void LogNever(ILogger logger);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "BUILDS RUN WITHOUT A SANDBOX, which does not work here: {Reason}. What is built can read and change "
            + "everything that this user can. --sandbox always refuses to build like this")]
    private static partial void LogCannot(ILogger logger, string reason);
}
