using System.Text;
using Piwheels.Core.States;
using Piwheels.Logger;
using Piwheels.Logger.Delivery;
using Piwheels.Logger.Formats;
using Piwheels.Master;
using Piwheels.Master.AccessLog;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.AccessLog;

/// <summary>A logger and Lumberjack by the machine's clock, with a database that keeps numbers as the real one does.</summary>
internal sealed class LoggedFarm : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly TaskTestbed _bed = new();
    private readonly Lock _lock = new();
    private readonly List<(int Count, TaskCompletionSource Reached)> _waits = [];
    private Lumberjack? _lumberjack;
    private Func<Task> _answer = () => Task.CompletedTask;

    public LoggedFarm()
    {
        Database = new FakeDatabase(TimeProvider.System) { After = async _ => await AnswerAsync() };
        Queue = _bed.Ipc("log");
    }

    public FakeDatabase Database { get; }

    public string Queue { get; set; }

    /// <summary>Where Lumberjack listens to single messages.</summary>
    public string Endpoint => _lumberjack!.Endpoints[^1];

    public RecordedLog Log => _bed.Log;

    public string Folder => _bed.Folder;

    /// <summary>What comes between a recording and the answer to it.</summary>
    public Func<Task> Answer
    {
        set => _answer = value;
    }

    /// <summary>The packages whose pages were recorded as read, in order of their names.</summary>
    public IReadOnlyList<string> Recorded =>
        [.. Database.Accesses.OfType<ProjectState>().Select(access => access.Package).Order(StringComparer.Ordinal)];

    public void StartMaster()
    {
        var environment = _bed.Environment with { Time = TimeProvider.System };
        _lumberjack = _bed.Add(new Lumberjack(new MasterConfiguration { LogQueue = Queue }, environment, Database));
        _lumberjack.Start();
    }

    public async Task StopMasterAsync()
    {
        await _lumberjack!.DisposeAsync();
        // libzmq closes sockets on a thread of its own
        var began = TimeProvider.System.GetTimestamp();
        while (MasterProbe.Look(Queue) != Taking.Nobody)
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < Limit);
            await Task.Yield();
        }
    }

    /// <summary>Starts a logger on a thread of its own.</summary>
    public Task<bool> StartLogger(LoggerConfiguration configuration, CancellationToken stop = default) => Task.Factory.StartNew(
        () => LoggerRun.Run(configuration, TimeProvider.System, Log, stop),
        CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    public LoggerConfiguration Reading(params string[] files) =>
        new() { LogQueue = Queue, Format = LogFormat.Parse("combined"), Files = files, FlushInterval = TimeSpan.FromMilliseconds(20) };

    public string PathOf(string name) => Path.Combine(Folder, name);

    /// <summary>Waits until so many accesses are recorded, in all.</summary>
    public async Task WhenRecordedAsync(int count)
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock) _waits.Add((count, reached));
        TellWaiting();
        try
        {
            await reached.Task.WaitAsync(Limit);
        }
        catch (TimeoutException)
        {
            Assert.Fail($"{Database.Accesses.Count} of {count} are recorded:\n{string.Join('\n', Log.Entries)}");
        }
    }

    /// <summary>Names of packages, in order.</summary>
    public static IReadOnlyList<string> Names(int from, int count) =>
        [.. Enumerable.Range(from, count).Select(number => $"pkg{number:d6}")];

    /// <summary>A line of a log for each of these, with its line break.</summary>
    public static string Lines(int from, int count) => string.Concat(Names(from, count).Select(Line));

    public static string Line(string package)
    {
        var now = TimeProvider.System.GetUtcNow();
        return string.Create(
            System.Globalization.CultureInfo.InvariantCulture,
            $"192.0.2.7 - - [{now:dd/MMM/yyyy:HH:mm:ss} +0000] \"GET /project/{package}/ HTTP/1.1\" 200 5 \"-\" \"curl/8\"\n");
    }

    public static void Append(string path, string text)
    {
        using var file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        file.Write(Encoding.UTF8.GetBytes(text));
    }

    public ValueTask DisposeAsync() => _bed.DisposeAsync();

    private async Task AnswerAsync()
    {
        TellWaiting();
        await _answer();
    }

    private void TellWaiting()
    {
        var count = Database.Accesses.Count;
        lock (_lock)
        {
            foreach (var (wanted, reached) in _waits.Where(wait => wait.Count <= count)) reached.TrySetResult();
        }
    }
}
