using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>
/// Some thousands of a backlog's events, and what they come to. That needs no database, so it is worked out while the
/// run before takes effect.
/// </summary>
internal sealed class BacklogRun
{
    private readonly IReadOnlyList<PypiEvent> _events;
    private readonly List<(PypiEvent Event, string Reason)> _refused = [];

    /// <param name="events">In the order in which they happened.</param>
    /// <param name="from">The highest serial before them.</param>
    /// <param name="isFollowed">Whether an effect is wanted at all.</param>
    internal BacklogRun(IReadOnlyList<PypiEvent> events, long from, Func<UpstreamEffect, bool> isFollowed)
    {
        _events = events;
        (From, To) = (from, Math.Max(from, events.Max(e => e.Serial)));
        var changes = new NetChanges();
        foreach (var e in events)
        {
            var effect = UpstreamEffect.Of(e);
            if (effect is UpstreamEffect.Refused refused) _refused.Add((e, refused.Reason));
            else if (isFollowed(effect)) changes.Add(effect);
        }

        Changes = changes.ToChanges(From, To);
        GoneReleases = changes.GoneReleases;
    }

    /// <summary>How many events it has.</summary>
    internal int Count => _events.Count;

    internal long From { get; }

    internal long To { get; }

    internal IndexChanges Changes { get; }

    /// <summary>Releases that were removed, but those of packages that were.</summary>
    internal IReadOnlyList<Release> GoneReleases { get; }

    /// <summary>Events that matter, upon what cannot be a name or version.</summary>
    internal IReadOnlyList<(PypiEvent Event, string Reason)> Refused => _refused;

    /// <summary>The names that its events are of.</summary>
    internal IEnumerable<string> Names => _events.Select(e => e.Name);
}
