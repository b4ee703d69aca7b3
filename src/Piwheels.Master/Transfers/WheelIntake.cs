using System.Security.Cryptography;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;

namespace Piwheels.Master.Transfers;

/// <summary>
/// Checks a file that has come in whole, and publishes it. Works on the disk, so not on a task's thread.
/// </summary>
internal static class WheelIntake
{
    /// <summary>What is to be done with a file once all its bytes are there.</summary>
    public static VerifyResult TakeIn(TemporaryFile content, FileState file, PackageName package, OutputFolder output)
    {
        if (!WheelFileName.TryParse(file.Filename, out var name) || name.Package != package)
        {
            return new VerifyResult.Refused($"it is no wheel of {package}");
        }

        if (content.Length != file.FileSize)
        {
            return new VerifyResult.Mismatched($"it has {content.Length} bytes instead of {file.FileSize}");
        }

        using var stream = content.OpenRead();
        var hash = Convert.ToHexStringLower(SHA256.HashData(stream));
        if (hash != file.FileHash)
        {
            return new VerifyResult.Mismatched($"its SHA-256 is {hash} instead of {file.FileHash}");
        }

        stream.Position = 0;
        if (!WheelMetadata.TryRead(stream, out var metadata, out var problem)) return new VerifyResult.Refused(problem);
        if (!PackageName.TryParse(metadata.Name, out var named) || named != package)
        {
            return new VerifyResult.Refused($"its METADATA is of {Excerpt.Of(metadata.Name)}");
        }

        if (!PackageVersion.TryParse(metadata.Version, out var version) || version != name.Version)
        {
            return new VerifyResult.Refused($"its METADATA is of version {Excerpt.Of(metadata.Version)}");
        }

        using var beside = output.CreateTemporary();
        beside.Write(0, metadata.Content.Span);
        output.Publish(content, beside, package, name);
        return new VerifyResult.Verified();
    }
}
