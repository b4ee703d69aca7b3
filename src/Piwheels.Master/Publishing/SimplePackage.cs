namespace Piwheels.Master.Publishing;

/// <summary>What the simple index says of a package. Versions are those that have files, newest first.</summary>
internal sealed record SimplePackage(string Name, IReadOnlyList<string> Versions, IReadOnlyList<SimpleFile> Files)
{
    /// <summary>Without the size of a file it is no list by PEP 700, but one by PEP 691 still.</summary>
    internal bool SizesAreKnown => Files.All(file => file.Size is not null);
}

/// <summary>One wheel in the simple index.</summary>
/// <param name="Folder">
/// The URL path that it lies in, with a slash at the end; empty for the index's own folder.
/// </param>
/// <param name="Hash">SHA-256 in hexadecimal, from the database.</param>
/// <param name="Size">In bytes; null where upstream does not tell it.</param>
/// <param name="Uploaded">When; null where upstream does not tell it.</param>
/// <param name="MetadataHash">SHA-256 of the metadata file beside it; null when there is none.</param>
internal sealed record SimpleFile(
    string Filename,
    string Folder,
    string Hash,
    long? Size,
    DateTimeOffset? Uploaded,
    string? RequiresPython,
    bool Yanked,
    string? MetadataHash)
{
    /// <summary>Where upstream has it; null for a file of ours.</summary>
    internal string? Url { get; init; }

    /// <summary>Whether upstream has its metadata beside it, of whatever hash.</summary>
    internal bool HasMetadata { get; init; }
}
