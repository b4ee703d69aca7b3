namespace Piwheels.Master.Upstream;

/// <summary>What came of asking the index for something.</summary>
public abstract record Fetched<T>
{
    private Fetched()
    {
    }

    /// <summary>The outcome in one word, for the figures.</summary>
    internal string Outcome => this switch
    {
        Found => "found",
        Missing => "missing",
        Unchanged => "unchanged",
        Unusable => "unusable",
        _ => "away",
    };

    /// <summary>It answered.</summary>
    public sealed record Found(T Value) : Fetched<T>;

    /// <summary>It says that there is no such thing (404, 410).</summary>
    public sealed record Missing : Fetched<T>;

    /// <summary>It has not changed since it was asked last (304).</summary>
    public sealed record Unchanged : Fetched<T>;

    /// <summary>It answered with something of no use: asking again soon will not help.</summary>
    public sealed record Unusable(string Reason) : Fetched<T>;

    /// <summary>It could not be asked, or was too busy: worth another try.</summary>
    /// <param name="RetryAfter">How long it asks to be left alone (RFC 9110 section 10.2.3).</param>
    /// <param name="WholeIndex">
    /// True when that says nothing of the page that was asked for: no connection, or we were told to slow down (429).
    /// </param>
    public sealed record Away(string Reason, TimeSpan? RetryAfter = null, bool WholeIndex = false) : Fetched<T>;
}
