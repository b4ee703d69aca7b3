using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;

namespace Piwheels.Cli.Demo;

/// <summary>
/// What the stand-in index holds, and the change log from which that follows. Every change goes through the log, as on
/// the real index. Safe from any thread.
/// </summary>
public sealed class StandInCatalog
{
    /// <summary>The first event's serial: past the epoch before which a log's timestamps mean nothing.</summary>
    public const long SerialFirst = EventBuffer.SerialEpoch + 1;

    /// <summary>The project whose events only move the log's time on, so that those before them become due.</summary>
    public const string ClockName = "stand-in-clock";

    private static readonly TimeSpan ClockStep = EventBuffer.TailHoldBack + TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly List<PypiEvent> _log = [];
    private readonly Dictionary<string, StandInFile> _files = new(StringComparer.Ordinal);
    private readonly SortedDictionary<PackageName, StandInProject> _projects = [];
    private DateTimeOffset _clock = new(2005, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>The newest event's serial.</summary>
    public long LastSerial
    {
        get
        {
            lock (_lock) return SerialFirst - 1 + _log.Count;
        }
    }

    /// <summary>Publishes files in the order of their dates, and lets the log's clock run on.</summary>
    public void Publish(IEnumerable<StandInFile> files)
    {
        var ordered = files
            .OrderBy(f => f.Uploaded).ThenBy(f => f.IsWheel).ThenBy(f => f.Filename, StringComparer.Ordinal);
        lock (_lock)
        {
            foreach (var file in ordered) Publish(file);
            Tick();
        }
    }

    /// <summary>Enters one event of the change log, and does what it says; then lets the clock run on.</summary>
    public void Enter(string name, string? version, string action)
    {
        lock (_lock)
        {
            Append(name, version, action);
            Tick();
        }
    }

    /// <summary>Rows of the change log after a serial.</summary>
    public IReadOnlyList<PypiEvent> Since(long serial, int limit)
    {
        lock (_lock)
        {
            var start = (int)Math.Clamp(serial + 1 - SerialFirst, 0, _log.Count);
            return _log.GetRange(start, Math.Min(limit, _log.Count - start));
        }
    }

    /// <summary>All projects' names as they are spelt, with their last serials.</summary>
    public IReadOnlyList<(string Name, long Serial)> Names()
    {
        lock (_lock) return [.. _projects.Values.Select(p => (p.Spelling, p.Serial))];
    }

    /// <summary>A project as it stands; null for an unknown one.</summary>
    public StandInProject? Find(PackageName package)
    {
        lock (_lock) return _projects.GetValueOrDefault(package)?.Copy();
    }

    /// <summary>A file by its name; null when it is not, or no longer, listed.</summary>
    public StandInFile? FindFile(string filename)
    {
        lock (_lock)
        {
            return _files.TryGetValue(filename, out var file)
                && _projects.TryGetValue(file.Package, out var project)
                && project.Releases.TryGetValue(file.Version, out var release)
                && release.Files.Contains(file)
                ? file
                : null;
        }
    }

    private void Publish(StandInFile file)
    {
        _clock = file.Uploaded > _clock ? file.Uploaded : _clock;
        _files[file.Filename] = file;
        if (!_projects.TryGetValue(file.Package, out var project))
        {
            Append(file.Spelling, null, "create");
            Append(file.Spelling, null, "add Owner somebody");
        }

        if (project?.Releases.ContainsKey(file.Version) != true) Append(file.Spelling, file.Version, "new release");
        Append(file.Spelling, file.Version, $"add {file.PythonTag} file {file.Filename}");
    }

    private void Tick()
    {
        _clock += ClockStep;
        Append(ClockName, null, "add Owner clock");
    }

    private void Append(string name, string? version, string action)
    {
        var e = new PypiEvent(
            name,
            version,
            DateTimeOffset.FromUnixTimeSeconds(_clock.ToUnixTimeSeconds()),
            action,
            SerialFirst + _log.Count);
        _log.Add(e);
        if (name != ClockName && PackageName.TryParse(name, out var package)) Apply(e, package);
    }

    private void Apply(PypiEvent e, PackageName package)
    {
        if (e.Action == "remove project")
        {
            _projects.Remove(package);
            return;
        }

        if (!_projects.TryGetValue(package, out var project))
            _projects[package] = project = new StandInProject(e.Name);
        project.Serial = e.Serial;
        if (e.Version is null) return;
        if (e.Action == "remove release")
        {
            project.Releases.Remove(e.Version);
            return;
        }

        if (!project.Releases.TryGetValue(e.Version, out var release))
            project.Releases[e.Version] = release = new StandInRelease(e.Timestamp);
        if (e.Action is "yank release" or "unyank release") release.Yanked = e.Action == "yank release";
        if (e.Action.LastIndexOf(" file ", StringComparison.Ordinal) is > 0 and var at
            && _files.TryGetValue(e.Action[(at + 6)..], out var file))
        {
            release.Files.Add(file);
        }
    }
}

/// <summary>A project of the stand-in index.</summary>
public sealed class StandInProject(string spelling)
{
    public string Spelling { get; } = spelling;

    /// <summary>The serial of its last event.</summary>
    public long Serial { get; internal set; }

    /// <summary>Its releases in the order in which they came.</summary>
    public OrderedDictionary<string, StandInRelease> Releases { get; private init; } = [];

    internal StandInProject Copy() => new(Spelling)
    {
        Serial = Serial,
        Releases = new(Releases.Select(r => KeyValuePair.Create(r.Key, r.Value.Copy()))),
    };
}

/// <summary>A release of the stand-in index.</summary>
public sealed class StandInRelease(DateTimeOffset released)
{
    public DateTimeOffset Released { get; } = released;
    public bool Yanked { get; internal set; }
    public List<StandInFile> Files { get; private init; } = [];

    internal StandInRelease Copy() => new(Released) { Yanked = Yanked, Files = [.. Files] };
}
