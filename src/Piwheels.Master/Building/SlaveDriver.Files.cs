using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Master.Packages;
using Piwheels.Master.Transfers;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;

namespace Piwheels.Master.Building;

/// <summary>The files of builds: expected, verified, published or forgotten, all by FileJuggler.</summary>
public sealed partial class SlaveDriver
{
    private async Task<SlaveStep> ExpectAsync(SlaveSession slave, FileState file)
    {
        var release = slave.Release!.Value;
        // Nobody is there any more to send it
        if (!_roster.IsCurrent(slave)) return Gone(release);
        try
        {
            await _files.ExpectAsync(TransferOwner.Slave(slave.Id), file, slave.Origin, slave.Address.Key);
        }
        catch (RpcException refusal)
        {
            // Not the build's fault: no room on the disk, say. It is built again another time.
            var why = $"{file.Filename} is not expected: {refusal.Message}";
            return new SlaveStep.Drop(new SlaveReply.Done(), release, why);
        }

        if (slave.TakenBack is { } reason) return new SlaveStep.Drop(new SlaveReply.Done(), release, reason);
        return _roster.IsCurrent(slave) ? new SlaveStep.Answer(new SlaveReply.Send(file.Filename)) : Gone(release);
    }

    private async Task<SlaveStep> VerifyAsync(SlaveSession slave, FileState file)
    {
        var release = slave.Release!.Value;
        var pause = RecordingClient.RetryPauseMin;
        for (var attempt = 1; ; attempt++, pause = RecordingClient.Longer(pause))
        {
            try
            {
                return After(slave, file, await _files.VerifyAsync(TransferOwner.Slave(slave.Id), release.Package));
            }
            catch (RpcException failure) when (failure.Transient && attempt == VerifyAttemptsMax)
            {
                return new SlaveStep.Drop(new SlaveReply.Done(), release, $"{file.Filename}: {failure.Message}");
            }
            catch (RpcException failure) when (failure.Transient)
            {
                FilesAway(Logger, slave.Id, file.Filename, pause, failure.Message);
            }
            catch (RpcException failure)
            {
                return After(slave, file, new VerifyResult.Mismatched(failure.Message));
            }

            await Task.Delay(pause, Time, Quitting);
        }
    }

    private SlaveStep After(SlaveSession slave, FileState file, VerifyResult result)
    {
        switch (result)
        {
            case VerifyResult.Verified(var requiresPython):
                FileVerified(Logger, slave.Id, file.Filename, file.FileSize);
                if (requiresPython != file.RequiresPython)
                    OtherPython(Logger, slave.Id, file.Filename, requiresPython, file.RequiresPython);
                return slave.FileVerified(requiresPython);
            case VerifyResult.Mismatched(var reason):
                FileMismatched(Logger, slave.Id, file.Filename, reason);
                return slave.FileMismatched(reason);
            case VerifyResult.Refused(var reason):
                FileRefused(Logger, slave.Id, file.Filename, reason);
                return slave.FileRefused(reason);
            default:
                throw new InvalidOperationException($"{result} is no result");
        }
    }

    private async Task<SlaveStep> SalvageAsync(SlaveSession slave, Release release, FileState file)
    {
        slave.BeginWork();
        try
        {
            var result = await _files.VerifyAsync(TransferOwner.Slave(slave.Id), release.Package);
            return result is VerifyResult.Verified ? After(slave, file, result) : Gone(release);
        }
        catch (RpcException failure)
        {
            FilesAway(Logger, slave.Id, file.Filename, TimeSpan.Zero, failure.Message);
            return Gone(release);
        }
    }

    private async Task ForgetAsync(SlaveSession slave)
    {
        try
        {
            await _files.ForgetAsync(TransferOwner.Slave(slave.Id));
        }
        catch (RpcException failure)
        {
            // It forgets by itself in time
            CleanupFailed(Logger, slave.Id, failure.Message);
        }
    }

    /// <summary>The build is recorded: its files take their places.</summary>
    private async Task PublishAsync(SlaveSession slave)
    {
        try
        {
            await _files.PublishAsync(TransferOwner.Slave(slave.Id));
        }
        catch (RpcException failure)
        {
            // They are on the disk, and the next start finds that they are recorded
            PublishFailed(Logger, slave.Id, failure.Message);
        }
    }
}
