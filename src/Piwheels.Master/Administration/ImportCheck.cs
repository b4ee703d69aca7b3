using Piwheels.Core.Packaging;
using Piwheels.Core.States;

namespace Piwheels.Master.Administration;

/// <summary>
/// Checks what a tool claims to have built. It runs on the master's own machine, but what it was given may come from
/// anywhere.
/// </summary>
public static class ImportCheck
{
    public const int FilesMax = 50;

    /// <summary>The longest time that a build can have taken.</summary>
    public static readonly TimeSpan DurationMax = TimeSpan.FromDays(7);

    /// <summary>An import that may begin, with its texts made canonical; or why not.</summary>
    public static ImportStep Check(BuildState claim)
    {
        if (!claim.Status) return new ImportStep.Refuse("a failed build cannot be imported");
        if (claim.Files.Count == 0) return new ImportStep.Refuse("there are no files in this build");
        if (claim.Files.Count > FilesMax) return new ImportStep.Refuse($"{claim.Files.Count} files are too many");
        if (NameCheck.Release(claim.Package, claim.Version, out var release) is { } reason)
        {
            return new ImportStep.Refuse(reason);
        }

        if (claim.Duration < TimeSpan.Zero || claim.Duration > DurationMax)
        {
            return new ImportStep.Refuse($"a build cannot take {claim.Duration}");
        }

        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var file in claim.Files)
        {
            if (FileClaim.Refusal(file, release) is { } refusal)
            {
                return new ImportStep.Refuse($"{Excerpt.Of(file.Filename)}: {refusal}");
            }

            if (!names.Add(file.Filename)) return new ImportStep.Refuse($"{file.Filename} comes twice");
        }

        return new ImportStep.Begin(Canonical(claim, release), release);
    }

    private static BuildState Canonical(BuildState claim, Release release) => claim with
    {
        SlaveId = 0,
        Package = release.Package.Value,
        Output = claim.Output.Replace('\0', '\uFFFD'),
        Files =
        [
            .. claim.Files
                .OrderBy(static file => file.Filename, StringComparer.Ordinal)
                .Select(static file => file with
                {
                    FileHash = file.FileHash.ToLowerInvariant(),
                    Location = FileState.DefaultLocation,
                }),
        ],
    };
}
