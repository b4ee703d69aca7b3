namespace Piwheels.Master.Upstream;

/// <summary>
/// What an index gave with a page for asking later whether it has changed (RFC 9110 section 8.8), as it was written.
/// </summary>
/// <param name="ETag">Null where there was none.</param>
/// <param name="LastModified">Used where there is no tag; null where there was none that can be relied upon.</param>
public sealed record Validators(string? ETag, string? LastModified)
{
    /// <summary>
    /// How old a page must be for its date to tell one state of it from the next: dates count in seconds
    /// (RFC 9110 section 8.8.2.2).
    /// </summary>
    private static readonly TimeSpan DateAgeMin = TimeSpan.FromMinutes(1);

    /// <summary>Those of an answer; null where it has none.</summary>
    internal static Validators? Of(HttpResponseMessage response)
    {
        var tag = response.Headers.ETag?.ToString();
        var date = response.Content.Headers.LastModified is { } modified
            && response.Headers.Date is { } now
            && now - modified >= DateAgeMin
            ? modified.ToString("R")
            : null;
        return tag is null && date is null ? null : new Validators(tag, date);
    }

    /// <summary>Has a request ask for its page only if that has changed.</summary>
    internal void AddTo(HttpRequestMessage request)
    {
        if (ETag is not null) request.Headers.TryAddWithoutValidation("If-None-Match", ETag);
        else if (LastModified is not null) request.Headers.TryAddWithoutValidation("If-Modified-Since", LastModified);
    }
}
