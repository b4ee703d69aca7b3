using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Tasks;

namespace Piwheels.Master.Transfers;

/// <summary>
/// Keeps verified wheels until their build is recorded, and then has them take their places, one at a time: a wheel is
/// published only where the database has its hash under its name. So whatever is killed at whatever moment, and whichever
/// of two builds of one wheel comes last, what is published is what is recorded.
/// </summary>
internal sealed partial class WheelPublisher(
    IDatabase database, OutputFolder output, TimeProvider time, ILogger logger)
{
    /// <summary>The most files kept at a time.</summary>
    public const int KeptMax = 50_000;

    /// <summary>
    /// How long the database is asked for a build that it does not have, after a start of the master: what an earlier run
    /// sent it takes effect within its time limits, or never.
    /// </summary>
    public static readonly TimeSpan RecordedWithin = TimeSpan.FromMinutes(10);

    private readonly Dictionary<TransferOwner, List<HeldFile>> _kept = [];
    private readonly List<(HeldFile File, DateTimeOffset Until)> _undecided = [];
    private readonly TroubleLog _trouble = new(logger, "publishing wheels");
    private readonly HashSet<PackageName> _pagesOwed = [];
    private Task _last = Task.CompletedTask;

    /// <summary>Files that were verified and are not published.</summary>
    public int Count => _kept.Values.Sum(static files => files.Count) + _undecided.Count;

    /// <summary>Takes over what an earlier run of the master kept.</summary>
    public void TakeOver(IReadOnlyList<HeldFile> left)
    {
        if (left.Count > 0) TakenOver(logger, left.Count);
        var until = time.GetUtcNow() + RecordedWithin;
        _undecided.AddRange(left.Select(file => (file, until)));
    }

    /// <summary>A file of an owner was verified.</summary>
    public void Keep(TransferOwner owner, HeldFile file)
    {
        if (!_kept.TryGetValue(owner, out var files)) _kept.Add(owner, files = []);
        // Verified once more, it takes the place of what was
        if (files.FirstOrDefault(each => each.Name.FileName == file.Name.FileName) is { } before)
        {
            files.Remove(before);
            Delete(before);
        }

        files.Add(file);
    }

    /// <summary>The owner's build is not recorded: its files go.</summary>
    public void Forget(TransferOwner owner)
    {
        if (!_kept.Remove(owner, out var files)) return;
        foreach (var file in files) Delete(file);
    }

    /// <summary>
    /// The owner's build is recorded: its files take their places. Where the database or the disk is away they do so
    /// later; they are not lost for that.
    /// </summary>
    public async Task PublishAsync(TransferOwner owner, CancellationToken quitting)
    {
        if (!_kept.Remove(owner, out var files)) return;
        foreach (var file in files)
        {
            if (await PlaceAsync(file, quitting) is not { } isPlaced)
            {
                _undecided.Add((file, time.GetUtcNow() + RecordedWithin));
            }
            else if (!isPlaced)
            {
                Drop(file);
            }
        }
    }

    /// <summary>Places or drops what could not be decided before.</summary>
    public async Task SettleAsync(CancellationToken quitting)
    {
        foreach (var (file, until) in _undecided.ToList())
        {
            if (await PlaceAsync(file, quitting) is not { } isPlaced) continue;
            if (!isPlaced && time.GetUtcNow() < until) continue;
            _undecided.Remove((file, until));
            if (!isPlaced)
            {
                Drop(file);
                continue;
            }

            PublishedLate(logger, file.Name.FileName);
            _pagesOwed.Add(file.Package);
        }

        await OwePagesAsync();
    }

    /// <summary>Pages name the hash of a METADATA: what was written meanwhile did not have it, or that of another build.</summary>
    private async Task OwePagesAsync()
    {
        if (_pagesOwed.Count == 0) return;
        var now = time.GetUtcNow();
        try
        {
            await database.SaveRewritesPendingAsync(
                [.. _pagesOwed.Select(package => new RewritePending(package, now, RewriteCommand.Both))]);
            _pagesOwed.Clear();
        }
        catch (DatabaseException away)
        {
            _trouble.Failed($"the pages: {away.Message}");
        }
    }

    /// <summary>Whether it was recorded, and so placed; null where that is not known, or it could not be placed.</summary>
    private async Task<bool?> PlaceAsync(HeldFile file, CancellationToken quitting)
    {
        // A later build of the same wheel must not be asked for and placed in between
        var (before, done) = (_last, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        _last = done.Task;
        await before;
        try
        {
            var recorded = await database.GetPackageFilesAsync(file.Package);
            var hash = file.Hash ?? await Task.Run(() => HashOf(file.WheelPath), quitting);
            if (!recorded.TryGetValue(file.Name.FileName, out var hashRecorded) || hashRecorded != hash) return false;
            await Task.Run(() => output.Publish(file), quitting);
            _trouble.Worked();
            return true;
        }
        catch (Exception away) when (away is DatabaseException or IOException or UnauthorizedAccessException)
        {
            _trouble.Failed($"{file.Name.FileName}: {away.Message}");
            return null;
        }
        finally
        {
            done.SetResult();
        }
    }

    private void Drop(HeldFile file)
    {
        Delete(file);
        NotRecorded(logger, file.Name.FileName);
    }

    private void Delete(HeldFile file)
    {
        try
        {
            file.Delete();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // The next start of the master finds it, and that it is not recorded
            NotDeleted(logger, file.Folder, failure.Message);
        }
    }

    private static string HashOf(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    [LoggerMessage(EventId = 20, Level = LogLevel.Information,
        Message = "{Count} verified wheels of an earlier run wait: those whose build is recorded are published")]
    private static partial void TakenOver(ILogger logger, int count);

    [LoggerMessage(EventId = 21, Level = LogLevel.Information,
        Message = "{Filename} is not published: the database does not have it, or has another of that name")]
    private static partial void NotRecorded(ILogger logger, string filename);

    [LoggerMessage(EventId = 22, Level = LogLevel.Warning, Message = "{Folder} is left behind: {Reason}")]
    private static partial void NotDeleted(ILogger logger, string folder, string reason);

    [LoggerMessage(EventId = 23, Level = LogLevel.Information, Message = "{Filename} is published now")]
    private static partial void PublishedLate(ILogger logger, string filename);
}
