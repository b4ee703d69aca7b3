using Piwheels.Core.States;

namespace Piwheels.Core.Packaging;

/// <summary>
/// Checks the files that somebody claims to have built, slave or importer, before anything of them reaches the disk or
/// the database.
/// </summary>
public static class BuildClaim
{
    public const int FilesMax = 50;

    /// <summary>Characters of the dependencies of all files of a build; a thousand times what real ones have.</summary>
    public const int DependencyTextMax = 100_000;

    /// <summary>Why the claims cannot be true; null when they can.</summary>
    /// <param name="targets">
    /// What can have made them: each tag must be of one of these, and each file run on one. Null: that is not known yet.
    /// </param>
    public static string? Refusal(IReadOnlyList<FileState> files, Release release, IReadOnlyList<Target>? targets)
    {
        if (files.Count > FilesMax) return $"{files.Count} files are too many";
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var file in files)
        {
            if (Refusal(file, release, targets) is { } reason) return $"{Excerpt.Of(file.Filename)}: {reason}";
            if (!names.Add(file.Filename)) return $"{file.Filename} comes twice";
        }

        var text = files.Sum(static file => file.Dependencies.Values.Sum(static names => names.Sum(static name => name.Length)));
        return text <= DependencyTextMax ? null : $"its dependencies have {text} characters";
    }

    /// <summary>The files as they are recorded: in the order of their names, and what is the master's to say said by it.</summary>
    public static List<FileState> InOrder(IReadOnlyList<FileState> files) =>
    [
        .. files
            .OrderBy(static file => file.Filename, StringComparer.Ordinal)
            // Where a file is listed is for the master to say; upper-case hashes are the same hashes
            .Select(static file => file with
            {
                FileHash = file.FileHash.ToLowerInvariant(),
                Location = FileState.DefaultLocation,
            }),
    ];

    private static string? Refusal(FileState file, Release release, IReadOnlyList<Target>? targets)
    {
        if (FileClaim.Refusal(file, release) is { } reason) return reason;
        if (targets is null) return null;
        var tags = WheelFileName.Parse(file.Filename).Tags;
        foreach (var tag in tags)
        {
            if (!targets.Any(target => PlausibleTags.IsPlausible(tag, target)))
                return $"a build for {List(targets)} does not make {tag}";
        }

        return targets.Any(target => Coverage.Covers(tags, target)) ? null : $"it does not run on {List(targets)}";
    }

    private static string List(IEnumerable<Target> targets) => string.Join(" or ", targets);
}
