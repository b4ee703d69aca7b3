using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace Piwheels.Slave.Building;

/// <summary>
/// A command and everything that it ever starts, in a session of its own, ended to the last process. Nothing gets out
/// by forking twice, by a new session, or by an empty environment: orphans become this process's own children
/// (a subreaper), and a resource limit that nobody else has, inherited and never raised, tells whose they are.
/// </summary>
/// <remarks>
/// Linux only. Needs setsid (util-linux) and sh. A privileged process could shake the mark off: builds are not privileged.
/// </remarks>
internal sealed class ProcessTree : IAsyncDisposable
{
    /// <summary>How long the last process may take to vanish after SIGKILL: it may be writing to a slow disk.</summary>
    public static readonly TimeSpan EndTimeout = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan LookAgainAfter = TimeSpan.FromMilliseconds(10);

    // Joins its control group, if it has one. No core dumps; and when the machine's memory is short, the kernel shall
    // take a build before anything else. stdin, then both outputs into one pipe, in the order in which they were written
    private const string Launch =
        """
        group=$1; shift
        [ -z "$group" ] || echo 0 >"$group/cgroup.procs" || exit 125
        ulimit -c 0
        { echo 800 >/proc/self/oom_score_adj; } 2>/dev/null
        exec "$@" </dev/null 2>&1
        """;

    private const int StopRoundsMax = 50;
    private const int EmptyLooks = 3;

    private const int MarkMin = 100_000; // The limit's unit is bytes; 819,200 is what Linux gives everybody
    private const int MarkCount = 600_000;

    private static int _marks;

    private readonly Process _process;
    private readonly ulong _started;
    private readonly int _mark;
    private readonly TimeProvider _time;
    private readonly Subreaper _subreaper;
    private Task? _ending;

    private ProcessTree(Process process, int mark, TimeProvider time, Subreaper subreaper)
    {
        _process = process;
        _started = ProcessTable.TryRead(process.Id, out var entry) ? entry.Started : 0;
        _mark = mark;
        _time = time;
        _subreaper = subreaper;
        Exited = WaitAsync();
    }

    /// <summary>What the tree writes to its outputs. Ends when the last process that holds it is gone.</summary>
    public Stream Output => _process.StandardOutput.BaseStream;

    /// <summary>The command's exit status, 128 and the signal's number when a signal ended it.</summary>
    public Task<int> Exited { get; }

    /// <summary>The id of the command, and of its session and process group.</summary>
    public int Id => _process.Id;

    /// <summary>Starts a command with exactly this environment, and nothing on its standard input.</summary>
    /// <param name="controlGroup">The folder of the control group that the tree is to live in; null: where this process is.</param>
    /// <exception cref="Win32Exception">There is no setsid or no such folder.</exception>
    public static ProcessTree Start(
        IReadOnlyList<string> command,
        string folder,
        IReadOnlyDictionary<string, string> environment,
        TimeProvider time,
        string? controlGroup = null)
    {
        var start = new ProcessStartInfo("/usr/bin/setsid", ["/bin/sh", "-c", Launch, "sh", controlGroup ?? "", .. command])
        {
            WorkingDirectory = folder,
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Clear();
        foreach (var (name, value) in environment) start.Environment[name] = value;

        var subreaper = Subreaper.Acquire();
        var process = new Process { StartInfo = start };
        try
        {
            LaunchThread.Start(process);
        }
        catch
        {
            process.Dispose();
            subreaper.Dispose();
            throw;
        }

        // Long before sh has become the command, and so before the command's first child
        var mark = MarkMin + (Interlocked.Increment(ref _marks) % MarkCount);
        _ = Libc.SetResourceLimit(process.Id, Libc.LimitMessageQueues, new Libc.ResourceLimit((ulong)mark), 0);
        process.StandardInput.Close();
        return new ProcessTree(process, mark, time, subreaper);
    }

    /// <summary>Kills what is left of the tree; done when the last process is gone. May be called again.</summary>
    /// <exception cref="TimeoutException">A process did not go: it hangs inside the kernel.</exception>
    public Task EndAsync() => _ending ??= EndOnceAsync();

    public async ValueTask DisposeAsync()
    {
        try
        {
            await EndAsync();
        }
        catch (TimeoutException)
        {
            // Told to whoever asked for the end; there is nothing more to do about it
        }
        finally
        {
            _process.Dispose();
            _subreaper.Dispose();
        }
    }

    /// <summary>The processes that belong to the tree now, zombies not counted.</summary>
    internal List<ProcessEntry> Members() => FindMembers(out _);

    /// <summary>The same with zombies, which count where processes are counted.</summary>
    internal List<ProcessEntry> MembersAndZombies()
    {
        var members = FindMembers(out var zombies);
        members.AddRange(zombies);
        return members;
    }

    private async Task<int> WaitAsync()
    {
        await _process.WaitForExitAsync();
        return _process.ExitCode;
    }

    private async Task EndOnceAsync()
    {
        var start = _time.GetTimestamp();
        _ = Libc.Kill(-Id, Libc.SignalKill); // At once, for all that stayed in the first group: nothing forks past this
        for (var empty = 0; ; await Task.Delay(LookAgainAfter, _time))
        {
            var members = StopAll();
            foreach (var member in members) Signal(member, Libc.SignalKill);
            ReapOrphans();
            // /proc is read one by one: what forks and exits meanwhile may be missed once
            empty = members.Count == 0 && Exited.IsCompleted ? empty + 1 : 0;
            if (empty == EmptyLooks) return;
            if (_time.GetElapsedTime(start) > EndTimeout)
                throw new TimeoutException($"{members.Count} processes of the build did not end, the first is {FirstOf(members)}");
        }
    }

    private static string FirstOf(List<ProcessEntry> members) =>
        members.Count == 0 ? "not known" : members[0].Id.ToString(CultureInfo.InvariantCulture);

    /// <summary>Stops everything, again until nothing new is found: what is stopped cannot fork away from its killer.</summary>
    private List<ProcessEntry> StopAll()
    {
        var stopped = new HashSet<(int, ulong)>();
        for (var round = 1; ; round++)
        {
            var members = Members();
            var isNew = false;
            foreach (var member in members)
            {
                if (!stopped.Add((member.Id, member.Started))) continue;
                isNew = true;
                Signal(member, Libc.SignalStop);
            }

            if (!isNew || round == StopRoundsMax) return members;
        }
    }

    /// <summary>Only to the process that was seen: its number may be another's by now.</summary>
    private static void Signal(ProcessEntry member, int signal)
    {
        if (ProcessTable.TryRead(member.Id, out var now) && now.Started == member.Started)
            _ = Libc.Kill(member.Id, signal);
    }

    private void ReapOrphans()
    {
        FindMembers(out var zombies);
        foreach (var zombie in zombies)
        {
            if (zombie.ParentId == Environment.ProcessId && zombie.Id != _process.Id)
                _ = Libc.WaitPid(zombie.Id, out _, Libc.NoHang);
        }
    }

    private List<ProcessEntry> FindMembers(out List<ProcessEntry> zombies)
    {
        var all = ProcessTable.Read();
        var children = all.ToLookup(process => process.ParentId);
        var found = new HashSet<int>();
        var next = new Stack<ProcessEntry>(all.Where(IsRoot));
        var members = new List<ProcessEntry>();
        zombies = [];
        while (next.TryPop(out var process))
        {
            if (!found.Add(process.Id)) continue;
            (process.IsZombie ? zombies : members).Add(process);
            foreach (var child in children[process.Id]) next.Push(child);
        }

        return members;
    }

    private bool IsRoot(ProcessEntry process) =>
        (process.Id == _process.Id && process.Started == _started)
        || process.SessionId == _process.Id
        || (process.ParentId == Environment.ProcessId && HasMark(process.Id));

    /// <summary>Looks for the line <c>Max msgqueue size  100001  100001  bytes</c>.</summary>
    private bool HasMark(int id)
    {
        if (ProcessTable.TryReadText(id, "limits") is not { } limits) return false;
        foreach (var line in limits.Split('\n'))
        {
            if (!line.StartsWith("Max msgqueue size", StringComparison.Ordinal)) continue;
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return words.Length > 4 && words[4] == _mark.ToString(CultureInfo.InvariantCulture);
        }

        return false;
    }
}
