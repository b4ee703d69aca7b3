using Piwheels.Core.Packaging;
using Piwheels.Messaging.Files;

namespace Piwheels.Slave.Building;

/// <summary>A release being built, or built and being sent, until it is dropped.</summary>
internal sealed class RunningBuild : IAsyncDisposable
{
    private readonly BuildFolder _folder;
    private readonly CancellationTokenSource _drop = new();
    private readonly List<Task> _work = [];

    public RunningBuild(BuildFolder folder, Release release)
    {
        _folder = folder;
        Release = release;
    }

    public Release Release { get; }

    /// <summary>What it has printed so far.</summary>
    public CappedOutput Output { get; } = new();

    /// <summary>Starts pip.</summary>
    public Task<BuildResult> StartAsync(PipBuild pip, Uri index)
    {
        // Not on the caller's thread: to start a process and to read wheels takes its time
        var build = Task.Run(() => pip.RunAsync(_folder, Release, index, _drop.Token, Output), CancellationToken.None);
        _work.Add(build);
        return build;
    }

    /// <summary>Sends one of the wheels made.</summary>
    /// <param name="filename">Without a path.</param>
    public Task SendAsync(FileSender sender, string address, int slaveId, string filename, TimeSpan silenceMax)
    {
        var path = Path.Combine(_folder.Wheels, Path.GetFileName(filename));
        var sending = sender.SendAsync(address, slaveId, path, silenceMax, _drop.Token);
        _work.Add(sending);
        return sending;
    }

    /// <summary>Stops what is under way, and removes the folder.</summary>
    public async ValueTask DisposeAsync()
    {
        await _drop.CancelAsync();
        foreach (var work in _work) await work.ContinueWith(static _ => { }, TaskScheduler.Default);
        _folder.Dispose();
        _drop.Dispose();
    }
}
