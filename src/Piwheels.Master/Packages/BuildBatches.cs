using Piwheels.Core.Database;
using Piwheels.Core.States;

namespace Piwheels.Master.Packages;

/// <summary>
/// Has builds recorded, those together that come while others are being recorded: a thousand slaves then cost one
/// transaction a dozen builds. Each hears of its own result. Belongs to one task.
/// </summary>
internal sealed class BuildBatches(IDatabase database)
{
    /// <summary>Builds in one transaction: their packages are locked as long as it takes.</summary>
    public const int BuildsMax = 50;

    /// <summary>Transactions under way: one that waits for a package's lock must not keep all others waiting.</summary>
    public const int AtATime = 2;

    private readonly Queue<Waiting> _waiting = new();
    private int _underWay;

    /// <summary>Answers the build's number.</summary>
    /// <exception cref="DatabaseException">It is refused, or the database is away.</exception>
    public Task<long> RecordAsync(BuildState build, Guid request)
    {
        var recorded = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        var waiting = new Waiting(build, request, recorded);
        _waiting.Enqueue(waiting);
        if (_underWay < AtATime) _ = RunAsync();
        return waiting.Recorded.Task;
    }

    private async Task RunAsync()
    {
        _underWay++;
        while (_waiting.Count > 0) await RecordAsync(Take());
        _underWay--;
    }

    private List<Waiting> Take()
    {
        var batch = new List<Waiting>();
        while (batch.Count < BuildsMax && _waiting.TryDequeue(out var waiting)) batch.Add(waiting);
        return batch;
    }

    private async Task RecordAsync(List<Waiting> batch)
    {
        try
        {
            if (batch is [var only])
            {
                only.Recorded.SetResult(await database.LogBuildAsync(only.Build, only.Request));
                return;
            }

            var numbers = await database.LogBuildsAsync(
                [.. batch.Select(static waiting => waiting.Build)], [.. batch.Select(static waiting => waiting.Request)]);
            foreach (var (waiting, number) in batch.Zip(numbers)) waiting.Recorded.SetResult(number);
        }
        catch (DatabaseException refusal) when (!refusal.Transient && batch.Count > 1)
        {
            // Nothing of it is recorded; each by itself shows whose fault that was
            foreach (var waiting in batch) await RecordAsync([waiting]);
        }
        catch (Exception failure)
        {
            // Whatever it is, those who wait are to hear of it
            foreach (var waiting in batch) waiting.Recorded.SetException(failure);
        }
    }

    /// <summary>A build, and whoever waits for its number.</summary>
    private sealed record Waiting(BuildState Build, Guid Request, TaskCompletionSource<long> Recorded);
}
