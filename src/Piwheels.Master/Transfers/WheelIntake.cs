using Piwheels.Core.Packaging;
using Piwheels.Core.States;

namespace Piwheels.Master.Transfers;

/// <summary>
/// Checks a file that has come in whole, and keeps it. Works on the disk, so not on a task's thread.
/// </summary>
internal static class WheelIntake
{
    /// <summary>What is to be done with a file once all its bytes are there.</summary>
    /// <returns>And what is kept of it; null unless it is verified.</returns>
    public static async Task<(VerifyResult Result, HeldFile? Held)> TakeInAsync(
        IncomingContent content, FileState file, PackageName package, OutputFolder output)
    {
        if (!WheelFileName.TryParse(file.Filename, out var name) || name.Package != package)
        {
            return (new VerifyResult.Refused($"it is no wheel of {package}"), null);
        }

        if (content.File.Length != file.FileSize)
        {
            return (new VerifyResult.Mismatched($"it has {content.File.Length} bytes instead of {file.FileSize}"), null);
        }

        var hash = content.Hash();
        if (hash != file.FileHash) return (new VerifyResult.Mismatched(OtherHash(hash, file)), null);
        using var stream = content.File.OpenRead();
        if (!WheelMetadata.TryRead(stream, out var metadata, out var problem))
            return (new VerifyResult.Refused(problem), null);
        if (metadata.DisagreementWith(name) is { } other) return (new VerifyResult.Refused(other), null);
        var held = await output.HoldAsync(content.File, name, package, hash).ConfigureAwait(false);
        return (new VerifyResult.Verified(metadata.RequiresPython), held with { Metadata = metadata.Content });
    }

    /// <summary>What is said of content whose SHA-256 is not the one announced.</summary>
    public static string OtherHash(string hash, FileState file) => $"its SHA-256 is {hash} instead of {file.FileHash}";
}
