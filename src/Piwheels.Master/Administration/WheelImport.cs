using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Master.Packages;
using Piwheels.Master.Transfers;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;

namespace Piwheels.Master.Administration;

/// <summary>
/// Takes in wheels that were built elsewhere: looks up whether they are wanted, has each file expected and verified by
/// FileJuggler, and has the build recorded and its log and pages written.
/// </summary>
internal sealed partial class WheelImport(
    IDatabase database, FsClient files, PackageChanges pages, KeptBuilds results, TimeProvider time, ILogger logger,
    CancellationToken quitting)
{
    private readonly RecordingClient _recording = new(database, results, time, logger);
    private int _lastImport;

    /// <summary>Who the import's files come from: importers all say that they are slave 0.</summary>
    public TransferOwner NextOwner() => TransferOwner.Import(++_lastImport);

    /// <summary>Follows the session from a step to the answer for its tool.</summary>
    public async Task<ImportReply> FollowAsync(ImportSession session, TransferOwner owner, ImportStep step)
    {
        try
        {
            while (true)
            {
                switch (step)
                {
                    case ImportStep.Begin begin:
                        step = await PlaceAsync(session, begin);
                        break;
                    case ImportStep.Expect(var file):
                        await files.ExpectAsync(owner, file);
                        return new ImportReply.Send(file.Filename);
                    case ImportStep.Verify(var package):
                        step = await VerifyAsync(session, owner, package);
                        break;
                    case ImportStep.Record(var build, var release):
                        await RecordAsync(build, release, owner);
                        session.End();
                        return new ImportReply.Done("IMPORT");
                    case ImportStep.Refuse(var reason):
                        await DropAsync(session, owner);
                        return new ImportReply.Error(reason);
                    default:
                        throw new InvalidOperationException($"{step} is no step of an import");
                }
            }
        }
        catch (Exception failure) when (failure is DatabaseException or RpcException)
        {
            await DropAsync(session, owner);
            throw;
        }
    }

    private async Task<ImportStep> PlaceAsync(ImportSession session, ImportStep.Begin begin)
    {
        var placed = ImportCheck.Place(begin, await database.GetTargetsAsync());
        if (placed is not ImportStep.Begin known) return placed;
        return await database.TestPackageVersionAsync(begin.Release)
            ? session.Accept(known)
            : new ImportStep.Refuse($"unknown package version {begin.Release}");
    }

    private async Task<ImportStep> VerifyAsync(ImportSession session, TransferOwner owner, PackageName package) =>
        await files.VerifyAsync(owner, package) switch
        {
            VerifyResult.Verified(var requiresPython) => session.Verified(requiresPython),
            VerifyResult.Mismatched(var reason) => session.Mismatched(reason),
            VerifyResult.Refused(var reason) => new ImportStep.Refuse(reason),
            var other => throw new InvalidOperationException($"{other} is no result"),
        };

    private async Task RecordAsync(BuildState build, Release release, TransferOwner owner)
    {
        // Its files are here: the tool waits as long as the database is away, and nothing is given up for that
        var kept = await _recording.KeepAsync(build);
        var buildId = await RecordAsync(kept);
        try
        {
            await files.PublishAsync(owner);
        }
        catch (RpcException failure)
        {
            // They are on the disk, and the next start finds that they are recorded
            NotPublished(logger, release, failure.Message);
        }

        Imported(logger, build.Files.Count, release, buildId);
        if (await pages.RequestAsync(new SecretaryRequest.Log(buildId, release.Package, build.Output)))
            _recording.Drop(kept);
        await pages.RequestAsync(new SecretaryRequest.Both(release.Package));
    }

    private async Task<long> RecordAsync(KeptBuild kept)
    {
        try
        {
            return await _recording.RecordAsync(kept, quitting);
        }
        catch (DatabaseException)
        {
            _recording.Drop(kept);
            throw;
        }
    }

    /// <summary>Gives an import up: what came is dropped.</summary>
    public async Task DropAsync(ImportSession session, TransferOwner owner)
    {
        if (!session.Importing) return;
        var package = session.Package;
        session.End();
        try
        {
            await files.ForgetAsync(owner);
        }
        catch (RpcException failure)
        {
            NotDropped(logger, package, failure.Message);
        }
    }

    [LoggerMessage(EventId = 30, Level = LogLevel.Information,
        Message = "imported {Count} files of {Release} as build {BuildId}")]
    private static partial void Imported(ILogger logger, int count, Release release, long buildId);

    [LoggerMessage(EventId = 31, Level = LogLevel.Warning,
        Message = "an import of {Package} was given up, but its files may still be there: {Reason}")]
    private static partial void NotDropped(ILogger logger, PackageName package, string reason);

    [LoggerMessage(EventId = 32, Level = LogLevel.Error,
        Message = "an import of {Release} is recorded and its files are not published yet: {Reason}")]
    private static partial void NotPublished(ILogger logger, Release release, string reason);
}
