using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Tasks;

namespace Piwheels.Master.Transfers;

/// <summary>
/// Keeps verified wheels until their build is recorded, and then has them take their places, those of a package one at a
/// time. Where there is a wheel of that name, or this run of the master did not see the build recorded, a wheel is published
/// only if the database has its hash under its name. So whatever is killed at whatever moment, and whichever of two builds
/// of one wheel comes last, what is published is what is recorded.
/// </summary>
internal sealed partial class WheelPublisher(
    IDatabase database, OutputFolder output, TimeProvider time, ILogger logger)
{
    /// <summary>The most files kept at a time.</summary>
    public const int KeptMax = 50_000;

    /// <summary>
    /// Bytes of METADATA that are kept in memory for the moment between a file's verification and its build's record; where
    /// that lasts, what is beyond is read again.
    /// </summary>
    public const long MetadataBytesMax = 16L << 20;

    /// <summary>
    /// How long the database is asked for a build that it does not have, from its first answer on: what an earlier run sent
    /// it takes effect within its time limits, or never, and what that run kept (<see cref="KeptBuilds"/>) is recorded then.
    /// </summary>
    public static readonly TimeSpan RecordedWithin = TimeSpan.FromMinutes(10);

    private readonly Dictionary<TransferOwner, List<HeldFile>> _kept = [];
    private readonly List<Undecided> _undecided = [];
    private readonly TroubleLog _trouble = new(logger, "publishing wheels");
    private readonly HashSet<PackageName> _pagesOwed = [];
    private int _keptCount;
    private long _metadataBytes;
    private readonly Dictionary<PackageName, Task> _last = [];

    /// <summary>Files that were verified and are not published.</summary>
    public int Count => _keptCount + _undecided.Count;

    /// <summary>Takes over what an earlier run of the master kept.</summary>
    public void TakeOver(IReadOnlyList<HeldFile> left)
    {
        if (left.Count > 0) TakenOver(logger, left.Count);
        _undecided.AddRange(left.Select(file => new Undecided(file)));
    }

    /// <summary>A file of an owner was verified.</summary>
    public void Keep(TransferOwner owner, HeldFile file)
    {
        if (!_kept.TryGetValue(owner, out var files)) _kept.Add(owner, files = []);
        // Verified once more, it takes the place of what was
        if (files.FirstOrDefault(each => each.Name.FileName == file.Name.FileName) is { } before)
        {
            files.Remove(before);
            Left(before);
            Delete(before);
        }

        if (_metadataBytes + file.Metadata?.Length > MetadataBytesMax) file = file with { Metadata = null };
        _metadataBytes += file.Metadata?.Length ?? 0;
        _keptCount++;
        files.Add(file);
    }

    private void Left(HeldFile file)
    {
        _metadataBytes -= file.Metadata?.Length ?? 0;
        _keptCount--;
    }

    /// <summary>The owner's build is not recorded: its files go.</summary>
    public void Forget(TransferOwner owner)
    {
        if (!_kept.Remove(owner, out var files)) return;
        foreach (var file in files)
        {
            Left(file);
            Delete(file);
        }
    }

    /// <summary>
    /// The owner's build is recorded: its files take their places. Where the database or the disk is away they do so
    /// later; they are not lost for that.
    /// </summary>
    public async Task PublishAsync(TransferOwner owner, CancellationToken quitting)
    {
        if (!_kept.Remove(owner, out var files)) return;
        files.ForEach(Left);
        foreach (var file in files)
        {
            switch (await InTurnAsync(file, () => PlaceNewAsync(file, quitting)))
            {
                case null:
                    _undecided.Add(new Undecided(file with { Metadata = null }));
                    break;
                case false:
                    Drop(file);
                    break;
            }
        }
    }

    /// <summary>Places or drops what could not be decided before.</summary>
    public async Task SettleAsync(CancellationToken quitting)
    {
        foreach (var each in _undecided.ToList())
        {
            var isPlaced = await InTurnAsync(each.File, async () =>
            {
                // Read once, however often it is asked for
                each.File = await HashedAsync(each.File, quitting);
                return await PlaceRecordedAsync(each.File, quitting);
            });
            if (isPlaced is null || (isPlaced is false && time.GetUtcNow() < (each.Until ??= time.GetUtcNow() + RecordedWithin)))
                continue;
            _undecided.Remove(each);
            if (isPlaced is false)
            {
                Drop(each.File);
                continue;
            }

            PublishedLate(logger, each.File.Name.FileName);
            _pagesOwed.Add(each.File.Package);
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

    /// <summary>
    /// Whether it was recorded, and so placed; null where that is not known, or it could not be placed. A later build of the
    /// same wheel must not be looked for and placed in between; other packages need not wait.
    /// </summary>
    private async Task<bool?> InTurnAsync(HeldFile file, Func<Task<bool>> place)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var before = _last.GetValueOrDefault(file.Package, Task.CompletedTask);
        _last[file.Package] = done.Task;
        await before;
        try
        {
            var isPlaced = await place();
            _trouble.Worked();
            return isPlaced;
        }
        catch (Exception away) when (away is DatabaseException or IOException or UnauthorizedAccessException)
        {
            _trouble.Failed($"{file.Name.FileName}: {away.Message}");
            return null;
        }
        finally
        {
            if (_last[file.Package] == done.Task) _last.Remove(file.Package);
            done.SetResult();
        }
    }

    private async Task<bool> PlaceNewAsync(HeldFile file, CancellationToken quitting) =>
        await Task.Run(() => output.Publish(file, replaces: false), quitting) || await PlaceRecordedAsync(file, quitting);

    private async Task<bool> PlaceRecordedAsync(HeldFile file, CancellationToken quitting)
    {
        var recorded = await database.GetPackageFilesAsync(file.Package);
        if (!recorded.TryGetValue(file.Name.FileName, out var hash) || hash != file.Hash) return false;
        await Task.Run(() => output.Publish(file, replaces: true), quitting);
        return true;
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
            File.Delete(file.Path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // The next start of the master finds it, and that it is not recorded
            NotDeleted(logger, file.Path, failure.Message);
        }
    }

    private static async Task<HeldFile> HashedAsync(HeldFile file, CancellationToken quitting)
    {
        if (file.Hash is not null) return file;
        await using var stream = File.OpenRead(file.Path);
        return file with { Hash = Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, quitting)) };
    }

    /// <summary>A file of which it is not known whether it is recorded, and how long that is asked for.</summary>
    private sealed class Undecided(HeldFile file)
    {
        public HeldFile File { get; set; } = file;

        /// <summary>Null until the database has answered once: it may be away longer than that.</summary>
        public DateTimeOffset? Until { get; set; }
    }

    [LoggerMessage(EventId = 20, Level = LogLevel.Information,
        Message = "{Count} verified wheels of an earlier run wait: those whose build is recorded are published")]
    private static partial void TakenOver(ILogger logger, int count);

    [LoggerMessage(EventId = 21, Level = LogLevel.Information,
        Message = "{Filename} is not published: the database does not have it, or has another of that name")]
    private static partial void NotRecorded(ILogger logger, string filename);

    [LoggerMessage(EventId = 22, Level = LogLevel.Warning, Message = "{Path} is left behind: {Reason}")]
    private static partial void NotDeleted(ILogger logger, string path, string reason);

    [LoggerMessage(EventId = 23, Level = LogLevel.Information, Message = "{Filename} is published now")]
    private static partial void PublishedLate(ILogger logger, string filename);
}
