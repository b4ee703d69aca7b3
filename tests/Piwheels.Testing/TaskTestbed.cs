using Microsoft.Extensions.Time.Testing;
using Piwheels.Messaging.Tasks;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Testing;

/// <summary>
/// What tasks need, for one test: a ZeroMQ context of its own, a clock that only the test moves, a log that can be
/// read, and a folder with short paths for sockets.
/// </summary>
public sealed class TaskTestbed : IAsyncDisposable
{
    private readonly List<IAsyncDisposable> _tasks = [];

    public TaskTestbed()
    {
        Environment = new TaskEnvironment(Zmq, Time, Log);
        Folder = Directory.CreateTempSubdirectory("pw").FullName;
    }

    public ZmqContext Zmq { get; } = new();

    /// <summary>Starts at 2026-01-01 00:00 UTC, and stands still.</summary>
    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    public RecordedLog Log { get; } = new();

    public TaskEnvironment Environment { get; }

    public string Folder { get; }

    /// <summary>An address below the folder.</summary>
    public string Ipc(string name) => $"ipc://{Folder}/{name}";

    /// <summary>Has a task ended with the test; the last first.</summary>
    public T Add<T>(T task)
        where T : IAsyncDisposable
    {
        _tasks.Add(task);
        return task;
    }

    public ScriptedTask Task(string name = "scripted") => Add(new ScriptedTask(name, Environment));

    public async ValueTask DisposeAsync()
    {
        foreach (var task in Enumerable.Reverse(_tasks))
            await task.DisposeAsync();
        Zmq.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}
