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

    /// <summary>What was found; nothing goes on without it.</summary>
    internal static T Needed<T>(string what, Fetched<T> fetched) => fetched switch
    {
        Fetched<T>.Found found => found.Value,
        Fetched<T>.Away away => throw Of(what, away),
        Fetched<T>.Unusable unusable => throw new UpstreamAwayException($"{what}: {unusable.Reason}"),
        _ => throw new UpstreamAwayException($"{what}: there is none at this address"),
    };
}
