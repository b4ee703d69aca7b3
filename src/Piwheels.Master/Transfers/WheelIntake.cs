using Piwheels.Core.Packaging;
using Piwheels.Core.States;

namespace Piwheels.Master.Transfers;

/// <summary>
/// Checks a file that has come in whole, and keeps it. Works on the disk, so not on a task's thread.
/// </summary>
internal static class WheelIntake
{
    /// <summary>What is to be done with a file once all its bytes are there.</summary>
    /// <param name="held">What is kept of it; null unless it is verified.</param>
    public static VerifyResult TakeIn(
        IncomingContent content, FileState file, PackageName package, OutputFolder output, out HeldFile? held)
    {
        held = null;
        if (!WheelFileName.TryParse(file.Filename, out var name) || name.Package != package)
        {
            return new VerifyResult.Refused($"it is no wheel of {package}");
        }

        if (content.File.Length != file.FileSize)
        {
            return new VerifyResult.Mismatched($"it has {content.File.Length} bytes instead of {file.FileSize}");
        }

        var hash = content.Hash();
        if (hash != file.FileHash) return new VerifyResult.Mismatched(OtherHash(hash, file));
        using var stream = content.File.OpenRead();
        if (!WheelMetadata.TryRead(stream, out var metadata, out var problem)) return new VerifyResult.Refused(problem);
        if (metadata.DisagreementWith(name) is { } other) return new VerifyResult.Refused(other);
        held = output.Hold(content.File, metadata.Content.Span, name, package, hash);
        return new VerifyResult.Verified(metadata.RequiresPython);
    }

    /// <summary>What is said of content whose SHA-256 is not the one announced.</summary>
    public static string OtherHash(string hash, FileState file) => $"its SHA-256 is {hash} instead of {file.FileHash}";
}
