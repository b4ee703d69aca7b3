namespace Piwheels.Master.Upstream;

/// <summary>How much of an answer is taken in, how long it is waited for, and how often is asked.</summary>
public sealed record UpstreamLimits
{
    /// <summary>
    /// Largest page of a project, or of all names, HTML or JSON, unpacked; the largest on PyPI have some 40 MB.
    /// </summary>
    public long PageBytesMax { get; init; } = 96L << 20;

    /// <summary>Largest core metadata of one file (PEP 658).</summary>
    public long MetadataBytesMax { get; init; } = 8L << 20;

    /// <summary>Largest answer of the change log: 50,000 rows take 20 MB.</summary>
    public long ChangelogBytesMax { get; init; } = 64L << 20;

    /// <summary>Longest time until a connection stands.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Longest time for the whole of a page or of metadata.</summary>
    public TimeSpan PageTimeout { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Longest time for the whole list of names: PyPI's takes 40 MB.</summary>
    public TimeSpan NamesTimeout { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>Longest time for the whole of a batch of the change log.</summary>
    public TimeSpan ChangelogTimeout { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>
    /// Shortest time between two calls of the change log: PyPI takes one a second, and 30 a minute
    /// (https://github.com/pypi/warehouse/issues/4321).
    /// </summary>
    public TimeSpan ChangelogInterval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How many requests are under way at a time.</summary>
    public int RequestsMax { get; init; } = 4;

    internal IndexRequestKind Page => new("page", PageBytesMax, PageTimeout);
    internal IndexRequestKind Names => new("names", PageBytesMax, NamesTimeout);
    internal IndexRequestKind Facts => new("facts", PageBytesMax, PageTimeout);
    internal IndexRequestKind Metadata => new("metadata", MetadataBytesMax, PageTimeout);
    internal IndexRequestKind Changelog => new("changelog", ChangelogBytesMax, ChangelogTimeout);
}

/// <summary>A kind of thing that the index is asked for.</summary>
/// <param name="Name">For the figures.</param>
/// <param name="BytesMax">Largest answer, unpacked.</param>
/// <param name="Timeout">Longest time for the whole of it.</param>
public sealed record IndexRequestKind(string Name, long BytesMax, TimeSpan Timeout);
