namespace Piwheels.Master.Upstream;

/// <summary>How much of an answer is taken in, and how long it is waited for.</summary>
public sealed record UpstreamLimits
{
    /// <summary>Largest page of a project, HTML or JSON, unpacked; the largest on PyPI have some 40 MB.</summary>
    public long PageBytesMax { get; init; } = 96L << 20;

    /// <summary>Largest core metadata of one file (PEP 658).</summary>
    public long MetadataBytesMax { get; init; } = 8L << 20;

    /// <summary>Largest answer of the change log: 50,000 rows take 20 MB.</summary>
    public long ChangelogBytesMax { get; init; } = 128L << 20;

    /// <summary>Longest time for the whole of a page or of metadata.</summary>
    public TimeSpan PageTimeout { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Longest time for the whole of a batch of the change log.</summary>
    public TimeSpan ChangelogTimeout { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>How many requests are under way at a time.</summary>
    public int RequestsMax { get; init; } = 4;
}
