using Piwheels.Cli.Administration;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Files;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Cli.Importing;

/// <summary>Has a master take a build in: announces it, sends the files that it asks for, until it says DONE.</summary>
/// <param name="fileQueue">Where the files are sent.</param>
/// <param name="silenceMax">How long the file queue may be silent.</param>
internal sealed class ImportRun(
    ImportQueueLink master, FileSender sender, string fileQueue, TimeSpan silenceMax, TransferProgress progress)
{
    /// <summary>After the last file the master checks and records, and waits for its database where that is away.</summary>
    private static readonly TimeSpan RecordingMax = TimeSpan.FromMinutes(10);

    /// <summary>How often a master may ask for a file.</summary>
    private const int AttemptsMax = 10;

    /// <exception cref="CommandFault">It was not done, for a reason that is told.</exception>
    /// <exception cref="OperationCanceledException">The tool was stopped.</exception>
    public async Task DoAsync(ImportPlan plan, FileStateForm form, CancellationToken stop)
    {
        var attempts = plan.Wheels.ToDictionary(wheel => wheel.File.Filename, _ => 0, StringComparer.Ordinal);
        var reply = master.Ask(new ImportRequest.Import(plan.Build, form), stop);
        while (reply is ImportReply.Send(var filename))
        {
            if (!attempts.TryGetValue(filename, out var attempt))
                throw new CommandFault($"the master asks for '{Excerpt.Of(filename)}', which was not announced");
            if (attempt == AttemptsMax) throw new CommandFault($"the master has asked for {filename} {AttemptsMax} times");
            attempts[filename] = attempt + 1;
            await SendAsync(plan.Wheels.Single(wheel => wheel.File.Filename == filename), stop);
            reply = master.Ask(new ImportRequest.Sent(), stop, RecordingMax > silenceMax ? RecordingMax : silenceMax);
        }

        switch (reply)
        {
            // Masters before 0.20 do not say what they have done
            case ImportReply.Done("IMPORT" or null):
                progress.End();
                return;
            case ImportReply.Error(var reason):
                throw new CommandFault($"{plan.Release}: {reason}{Advice(plan, reason)}");
            default:
                throw new CommandFault($"the master answered {reply.Name}, which answers something else");
        }
    }

    private async Task SendAsync(WheelToImport wheel, CancellationToken stop)
    {
        progress.Begin(wheel.File.Filename, wheel.File.FileSize);
        try
        {
            await sender.SendAsync(fileQueue, 0, wheel.Path, silenceMax, stop);
        }
        catch (FileSendException failure)
        {
            throw new CommandFault(
                $"{wheel.File.Filename} could not be sent to {fileQueue}: {failure.Message}", CommandFault.Failed, failure);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CommandFault($"{wheel.Path} cannot be read: {failure.Message}", CommandFault.Failed, failure);
        }
    }

    private static string Advice(ImportPlan plan, string reason) =>
        reason.Contains("unknown package version", StringComparison.OrdinalIgnoreCase)
            ? $"; 'piw add {plan.Release}' adds it, and --package-version names it as the farm does"
            : "";
}
