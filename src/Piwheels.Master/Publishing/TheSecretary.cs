using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master.Packages;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;

namespace Piwheels.Master.Publishing;

/// <summary>
/// Takes all requests for pages. Rewrites of packages are gathered for a while and merged; the rest is passed to
/// TheScribe at once. What is waiting is kept in the database, where changes of a package also enter what they owe,
/// so that neither a restart nor a kill loses a page. What fails is tried again. The many that a first sync owes wait
/// behind those of what happens now.
/// </summary>
public sealed partial class TheSecretary : TaskLoop
{
    /// <summary>How many packages are written at a time.</summary>
    public const int WritingMax = 4;

    /// <summary>The most requests that wait to be taken over.</summary>
    public const int RequestsMax = 20_000;

    /// <summary>As long as more than this many of a lane wait, the database is not asked for others of it.</summary>
    public const int WaitingMax = 10_000;

    /// <summary>How often the database is asked for what others have entered.</summary>
    public static readonly TimeSpan LoadInterval = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan HandOnInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan SaveRetryInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan PassRetryPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan PassRetryPauseMax = TimeSpan.FromMinutes(1);

    // A package of ten thousand versions on a slow disk
    private static readonly TimeSpan ScribeTimeout = TimeSpan.FromMinutes(10);

    private readonly IDatabase _database;
    private readonly RpcClient<ScribeRequest, ScribeReply> _scribe;
    private readonly RewriteBuffer _buffer;
    private readonly PassingRequests _passing;
    private readonly List<Unsaved> _unsaved = [];
    private readonly HashSet<Task> _writing = [];
    private readonly TroubleLog _writingTrouble;

    public TheSecretary(MasterConfiguration configuration, TaskEnvironment environment, IDatabase? database = null)
        : base("the_secretary", environment)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        database ??= new DbClient(ConnectRpc<DbRequest, DbReply>(configuration.DbQueue), Time, Ending);
        _database = database;
        var delay = SiteFacts.DelayOf(configuration);
        _buffer = new RewriteBuffer(delay);
        _writingTrouble = new TroubleLog(Logger, "writing pages");
        _passing = new PassingRequests(PassUntilDoneAsync);
        _scribe = ConnectRpc<ScribeRequest, ScribeReply>(
            MasterConfiguration.ScribeQueue, ScribeTimeout, PassingRequests.RequestsMax + WritingMax);
        BindRpc<SecretaryRequest, SecretaryReply>(configuration.WebQueue, HandleAsync, RequestsMax);
        Every(AtMost(HandOnInterval, delay), HandOnAsync);
        Every(AtMost(LoadInterval, delay), LoadAsync);
        EveryEvenPaused(SaveRetryInterval, SaveAsync);
    }

    // What is being written is let end; what waits is in the database
    protected override Task CloseAsync() => Task.WhenAll(_writing);

    private async Task<SecretaryReply> HandleAsync(SecretaryRequest request)
    {
        await (request switch
        {
            SecretaryRequest.Project project => GatherAsync(project.Package, RewriteCommand.Project),
            SecretaryRequest.Both both => GatherAsync(both.Package, RewriteCommand.Both),
            SecretaryRequest.Owed owed => GatherOwed(owed.Package, owed.Pages),
            SecretaryRequest.Home => PassAsync(new ScribeRequest.Home()),
            SecretaryRequest.Search => PassAsync(new ScribeRequest.Search()),
            SecretaryRequest.Log log => PassAsync(new ScribeRequest.Log(log.BuildId, log.Package, log.Text)),
            SecretaryRequest.DeletePackage gone => PassDeletionAsync(gone.Package),
            SecretaryRequest.DeleteVersion gone => PassAsync(new ScribeRequest.DeleteVersion(gone.Release)),
            _ => throw new ArgumentException($"{request.Name} is not for this task", nameof(request)),
        });
        return new SecretaryReply.Done();
    }

    // Gathered: PROJECT, BOTH and OWED

    private Task GatherAsync(PackageName package, RewriteCommand command)
    {
        var rewrite = new RewritePending(package, Now, command);
        _buffer.Add(rewrite);
        var unsaved = new Unsaved(
            rewrite, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        _unsaved.Add(unsaved);
        // Whoever asked is not kept waiting when this task ends; the request is then not taken over
        var quitting = Quitting.UnsafeRegister(_ => unsaved.Saved.TrySetCanceled(), null);
        Force(SaveAsync);
        return ReleaseAfterAsync(unsaved.Saved.Task, quitting);
    }

    private Task GatherOwed(PackageName package, RewriteCommand command)
    {
        _buffer.Add(new RewritePending(package, Now, command));
        return Task.CompletedTask;
    }

    private static async Task ReleaseAfterAsync(Task task, CancellationTokenRegistration registration)
    {
        await using (registration) await task;
    }

    /// <summary>Saves all that has come since the last time, in one go.</summary>
    private async Task SaveAsync()
    {
        while (_unsaved.Count > 0 && !Quitting.IsCancellationRequested)
        {
            var batch = _unsaved.ToList();
            if (!await TrySaveAsync(batch)) break;
            _unsaved.RemoveRange(0, batch.Count);
        }
    }

    // False when it is to be tried again later
    private async Task<bool> TrySaveAsync(List<Unsaved> batch)
    {
        try
        {
            await _database.SaveRewritesPendingAsync([.. batch.Select(unsaved => unsaved.Rewrite)]);
            foreach (var unsaved in batch) unsaved.Saved.TrySetResult();
            return true;
        }
        catch (DatabaseException away) when (away.Transient)
        {
            NotSaved(Logger, LogLevel.Debug, batch.Count, away.Message);
            return false;
        }
        catch (DatabaseException failure)
        {
            // They are refused, and always will be; who asked hears of it
            NotSaved(Logger, LogLevel.Warning, batch.Count, failure.Message);
            foreach (var unsaved in batch) unsaved.Saved.TrySetException(failure);
            return true;
        }
    }

    private async Task LoadAsync()
    {
        try
        {
            if (_buffer.Waiting <= WaitingMax) _buffer.Load(await _database.LoadRewritesPendingAsync());
            if (_buffer.WaitingBacklog <= WaitingMax)
                _buffer.LoadBacklog(await _database.LoadRewritesBacklogAsync());
        }
        catch (DatabaseException failure)
        {
            NotLoaded(Logger, failure.Transient ? LogLevel.Debug : LogLevel.Warning, failure.Message);
        }

        HandOn();
    }

    private Task HandOnAsync()
    {
        HandOn();
        return Task.CompletedTask;
    }

    private void HandOn()
    {
        while (!Paused && !Quitting.IsCancellationRequested && _writing.Count < WritingMax &&
            _buffer.Take(Now) is { } rewrite)
        {
            var writing = WriteAsync(rewrite);
            _writing.Add(writing);
            _ = ForgetAfterAsync(writing);
        }
    }

    private async Task ForgetAfterAsync(Task writing)
    {
        try
        {
            await writing;
        }
        finally
        {
            _writing.Remove(writing);
        }

        HandOn();
    }

    private async Task WriteAsync(RewritePending rewrite)
    {
        try
        {
            await _scribe.AskAsync(rewrite.Command == RewriteCommand.Both
                ? new ScribeRequest.Both(rewrite.Package)
                : new ScribeRequest.Project(rewrite.Package));
            _buffer.Done(rewrite);
            _writingTrouble.Worked();
        }
        catch (RpcException failure) when (failure.Transient)
        {
            _buffer.Failed(rewrite, Now);
            _writingTrouble.Failed($"{rewrite.Package}: {failure.Message}");
        }
        catch (RpcException failure)
        {
            _buffer.Failed(rewrite, Now);
            NotWritten(Logger, rewrite.Package, failure.Message);
        }
    }

    // Passed on at once: the rest

    private Task PassDeletionAsync(PackageName package)
    {
        // Whoever asks for its pages after this means a package that came again
        _buffer.Forget(package);
        return PassAsync(new ScribeRequest.DeletePackage(package));
    }

    private Task PassAsync(ScribeRequest request) => _passing.HasRoom
        ? _passing.PassAsync(request)
        : throw new RpcException($"{_passing.Count} requests wait for the disk already", transient: true);

    private async Task PassUntilDoneAsync(ScribeRequest request)
    {
        var level = LogLevel.Warning;
        for (var pause = PassRetryPause; ; pause = Pauses.Longer(pause, PassRetryPauseMax))
        {
            try
            {
                await _scribe.AskAsync(request);
                return;
            }
            catch (RpcException failure) when (failure.Transient && !Quitting.IsCancellationRequested)
            {
                NotPassed(Logger, level, request.Name, failure.Message);
                level = LogLevel.Debug;
            }

            await Task.Delay(pause, Time, Quitting);
        }
    }

    private static TimeSpan AtMost(TimeSpan limit, TimeSpan span) => span < limit ? span : limit;

    /// <summary>A rewrite that is not in the database yet, and whoever waits for that.</summary>
    private sealed record Unsaved(RewritePending Rewrite, TaskCompletionSource Saved);

    [LoggerMessage(EventId = 10, Message = "{Count} rewrites are not saved: {Reason}")]
    private static partial void NotSaved(ILogger logger, LogLevel level, int count, string reason);

    [LoggerMessage(EventId = 11, Message = "the rewrites that are owed cannot be loaded: {Reason}")]
    private static partial void NotLoaded(ILogger logger, LogLevel level, string reason);

    [LoggerMessage(EventId = 12, Level = LogLevel.Warning,
        Message = "the pages of {Package} are not written, and will be tried again: {Reason}")]
    private static partial void NotWritten(ILogger logger, PackageName package, string reason);

    [LoggerMessage(EventId = 13, Message = "{Request} is not done, and will be tried again: {Reason}")]
    private static partial void NotPassed(ILogger logger, LogLevel level, string request, string reason);
}
