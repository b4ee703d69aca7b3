namespace Piwheels.Master.Upstream;

/// <summary>Something upstream could not be had right now, and what was under way is to be done again later.</summary>
internal sealed class UpstreamAwayException(string message, TimeSpan? retryAfter = null, bool wholeIndex = false)
    : Exception(message)
{
    internal TimeSpan? RetryAfter { get; } = retryAfter;

    /// <summary>Whether that says nothing of the page that was asked for.</summary>
    internal bool WholeIndex { get; } = wholeIndex;

    internal static UpstreamAwayException Of<T>(string what, Fetched<T>.Away away) =>
        new($"{what}: {away.Reason}", away.RetryAfter, away.WholeIndex);
}
