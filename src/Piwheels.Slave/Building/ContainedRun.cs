using Microsoft.Extensions.Logging;
using Piwheels.Slave.Limits;
using Piwheels.Slave.Sandboxing;

namespace Piwheels.Slave.Building;

/// <summary>
/// Runs the commands of one build, one after another: in the sandbox if there is one, within the limits, and each gone
/// to the last process before the next begins.
/// </summary>
internal sealed partial class ContainedRun
{
    /// <summary>How long the output may stay open when no process of the build is left to write to it.</summary>
    private static readonly TimeSpan OutputEndTimeout = TimeSpan.FromSeconds(5);

    private readonly BuildFolder _folder;
    private readonly string _python;
    private readonly BuildContainment _containment;
    private readonly BuildRules _rules;
    private readonly AllowedHosts _allowed;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly long _start;
    private readonly List<string> _refused = [];

    public ContainedRun(
        BuildFolder folder, string python, Uri index, BuildContainment containment, BuildRules rules, TimeProvider time,
        ILogger logger)
    {
        _folder = folder;
        _python = python;
        _containment = containment;
        _rules = rules;
        _allowed = new AllowedHosts([index, .. rules.ExtraIndexes], rules.Hosts);
        _time = time;
        _logger = logger;
        _start = time.GetTimestamp();
        Place = containment.Sandbox is null ? BuildPlace.Plain(folder) : BuildSandbox.Place;
        BuildSandbox.Furnish(folder);
        if (rules.Recipe.Patch is { } patch) File.WriteAllText(Path.Combine(folder.Slave, "source.patch"), patch.Text);
    }

    /// <summary>The folders as the commands see them.</summary>
    public BuildPlace Place { get; }

    /// <summary>Whether the wheels can be read alone, which takes a sandbox.</summary>
    public bool KeepsWheels { get; init; }

    public CappedOutput Output { get; init; } = new();

    /// <summary>How long the commands ran, all together.</summary>
    public TimeSpan Duration { get; private set; }

    /// <summary>Where they wanted to connect and were not let.</summary>
    public IReadOnlyList<string> RefusedHosts => _refused;

    /// <summary>Runs a command to its end, or to the build's limit.</summary>
    /// <param name="drop">Ends it.</param>
    /// <exception cref="SlaveException">The sandbox does not run on this machine any more.</exception>
    /// <exception cref="OperationCanceledException">It was dropped, and nothing of it runs any more.</exception>
    public async Task<BuildEnding> RunAsync(IReadOnlyList<string> command, BuildNetwork network, CancellationToken drop)
    {
        await using var proxy = _containment.Sandbox is not null && network == BuildNetwork.Index
            ? BuildProxy.Start(_folder.Network, _allowed, _time, _logger)
            : null;
        using var group = _containment.ControlGroups is { } parent
            ? ControlGroup.Create(parent, Path.GetFileName(_folder.Path), _rules.Limits)
            : null;
        var begun = Output.Count;
        var ending = await RunAsync(command, network, group, drop);
        drop.ThrowIfCancellationRequested();
        if (proxy is not null) _refused.AddRange(proxy.Refused.Except(_refused, StringComparer.Ordinal));
        if (ending is BuildEnding.Exited { Status: 0 } or BuildEnding.LimitReached) return ending;
        var text = Output.ToText();
        if (begun == 0) EnsureBegun(text);
        return group?.LimitReached(_rules.Limits) ?? LimitTraces.Read(ending, text, _rules.Limits);
    }

    private async Task<BuildEnding> RunAsync(
        IReadOnlyList<string> command, BuildNetwork network, ControlGroup? group, CancellationToken drop)
    {
        var left = _rules.Limits.WallTime - _time.GetElapsedTime(_start);
        using var limit = new CancellationTokenSource(left > TimeSpan.Zero ? left : TimeSpan.Zero, _time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, drop);
        using var looking = new CancellationTokenSource();
        await using var tree = ProcessTree.Start(
            CommandLine(command, network), _folder.Work, Variables(network), _time, group?.Path);
        var read = Output.ReadToEndAsync(tree.Output);
        var watch = new LimitWatch(_rules.Limits, tree, group, _folder.Path, Output, _time).RunAsync(looking.Token);
        var stopped = Task.Delay(Timeout.InfiniteTimeSpan, _time, stop.Token);
        await Task.WhenAny(tree.Exited, watch, stopped);

        var exited = tree.Exited.IsCompleted;
        Duration = _time.GetElapsedTime(_start);
        group?.Kill();
        await EndAsync(tree);
        await looking.CancelAsync();
        var reached = await watch;
        await Task.WhenAny(read, Task.Delay(OutputEndTimeout, _time, CancellationToken.None));
        var ending = exited ? BuildEnding.FromStatus(await tree.Exited) : LimitCheck.WallTime(_rules.Limits);
        return ending is BuildEnding.Exited { Status: 0 } ? ending : reached ?? ending;
    }

    // Without a sandbox, pip at least dies with the slave; the rest is ended by the next start
    private List<string> CommandLine(IReadOnlyList<string> command, BuildNetwork network) =>
        _containment.Sandbox is { } sandbox
            ? sandbox.Command(_folder, command, network, _rules.Limits, KeepsWheels)
            : ["/usr/bin/setpriv", "--pdeathsig", "KILL",
                .. LimitLauncher.Command(_rules.Limits, LimitLauncher.CountOwnTasks(), command)];

    private Dictionary<string, string> Variables(BuildNetwork network)
    {
        var relay = _containment.Sandbox is not null && network == BuildNetwork.Index
            ? new Uri($"http://127.0.0.1:{BuildSandbox.RelayPort}")
            : null;
        var hasNetwork = network == BuildNetwork.Full || (network == BuildNetwork.Index && relay is null);
        var variables = BuildEnvironment.ForBuild(Place, _python, relay, hasNetwork);
        // None of those above: these are not a recipe's to set, and it has been looked at
        foreach (var (name, value) in _rules.Recipe.Environment) variables[name] = value;
        return variables;
    }

    /// <summary>
    /// What comes first in the output is ours: pip says something before anything of a package runs. So a sandbox that
    /// cannot be made is not taken for a package that cannot be built.
    /// </summary>
    private void EnsureBegun(string output)
    {
        if (_containment.Sandbox is null) return;
        if (output.StartsWith("bwrap: ", StringComparison.Ordinal) || output.StartsWith("prlimit: ", StringComparison.Ordinal))
            throw new SlaveException($"the sandbox for builds does not work any more: {output.Split('\n')[0]}");
    }

    private async Task EndAsync(ProcessTree tree)
    {
        try
        {
            await tree.EndAsync();
        }
        catch (TimeoutException e)
        {
            LogNotEnded(_logger, e.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "a process of the build is left over: {Reason}")]
    private static partial void LogNotEnded(ILogger logger, string reason);
}
