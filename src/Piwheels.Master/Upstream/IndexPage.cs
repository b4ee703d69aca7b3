namespace Piwheels.Master.Upstream;

/// <summary>A project's page of a simple index, in either form.</summary>
/// <param name="Versions">The releases as the index spells them (PEP 700); null where it does not say.</param>
/// <param name="Validators">For asking whether it has changed; null where the index gives none.</param>
public sealed record IndexPage(
    IReadOnlyList<IndexFile> Files, IReadOnlyList<string>? Versions, Validators? Validators);

/// <summary>One file on the page.</summary>
/// <param name="Sha256">In lower-case hexadecimal; null where not known.</param>
/// <param name="RequiresPython">The specifiers of PEP 345; null where there are none.</param>
/// <param name="Yanked">Whether it was yanked (PEP 592).</param>
/// <param name="Metadata">Whether its core metadata can be had by itself (PEP 658).</param>
/// <param name="Uploaded">When; null where not known.</param>
/// <param name="Size">In bytes; null where not known.</param>
public sealed record IndexFile(
    string Filename,
    Uri Url,
    string? Sha256 = null,
    string? RequiresPython = null,
    bool Yanked = false,
    bool Metadata = false,
    DateTimeOffset? Uploaded = null,
    long? Size = null);
