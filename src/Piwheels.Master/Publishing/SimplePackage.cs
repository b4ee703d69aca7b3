namespace Piwheels.Master.Publishing;

/// <summary>What the simple index says of a package. Versions are those that have files, newest first.</summary>
internal sealed record SimplePackage(string Name, IReadOnlyList<string> Versions, IReadOnlyList<SimpleFile> Files);

/// <summary>One wheel in the simple index.</summary>
/// <param name="Folder">
/// The URL path that it lies in, with a slash at the end; empty for the index's own folder.
/// </param>
/// <param name="Hash">SHA-256 in hexadecimal, from the database.</param>
/// <param name="MetadataHash">SHA-256 of the metadata file beside it; null when there is none.</param>
internal sealed record SimpleFile(
    string Filename,
    string Folder,
    string Hash,
    long Size,
    DateTimeOffset Uploaded,
    string? RequiresPython,
    bool Yanked,
    string? MetadataHash);
