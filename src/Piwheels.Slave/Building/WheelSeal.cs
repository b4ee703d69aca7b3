using System.Security.Cryptography;
using Piwheels.Core.States;

namespace Piwheels.Slave.Building;

/// <summary>
/// Makes sure that wheels are those that were inspected, byte for byte, after strangers' code has run beside them.
/// </summary>
internal static class WheelSeal
{
    /// <summary>What is another one than it was, in words; null when all is as it was.</summary>
    public static string? Breach(string folder, IReadOnlyCollection<FileState> inspected)
    {
        try
        {
            var names = Directory.EnumerateFileSystemEntries(folder).Select(Path.GetFileName).Order(StringComparer.Ordinal);
            if (!names.SequenceEqual(inspected.Select(file => file.Filename).Order(StringComparer.Ordinal)))
                return "other wheels than before are there";
            var changed = inspected.FirstOrDefault(file => !IsAsBefore(Path.Combine(folder, file.Filename), file));
            return changed is null ? null : $"{changed.Filename} is another one than before";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"the wheels cannot be read any more: {e.Message}";
        }
    }

    private static bool IsAsBefore(string path, FileState file)
    {
        // A pipe has no length, and would be read for ever
        if (new FileInfo(path) is not { Exists: true, LinkTarget: null } info || info.Length != file.FileSize) return false;
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        return Convert.ToHexStringLower(SHA256.HashData(stream)) == file.FileHash;
    }
}
