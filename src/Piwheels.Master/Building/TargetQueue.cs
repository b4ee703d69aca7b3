using Piwheels.Core.Packaging;

namespace Piwheels.Master.Building;

/// <summary>
/// What waits for one target in the order of its push. A thousand slaves each look for the first release that nobody
/// builds: those at the head that somebody does build are passed over once, not by every slave anew.
/// </summary>
internal sealed class TargetQueue
{
    private readonly List<Release?> _releases = [];
    private readonly Dictionary<Release, int> _places = [];

    public TargetQueue(IEnumerable<Release> releases)
    {
        foreach (var release in releases)
        {
            if (_places.TryAdd(release, _releases.Count)) _releases.Add(release);
        }
    }

    /// <summary>The first place that is to be looked at.</summary>
    public int First { get; private set; }

    /// <summary>The number of places, of which some are empty.</summary>
    public int Count => _releases.Count;

    /// <summary>All that are in it, in their order.</summary>
    public IEnumerable<Release> Releases => _releases.OfType<Release>();

    /// <summary>False when the place is empty.</summary>
    public bool TryGet(int place, out Release release)
    {
        release = _releases[place].GetValueOrDefault();
        if (_releases[place] is not null) return true;
        PassOver(place);
        return false;
    }

    /// <summary>What stands at a place is not to be had until it is returned; it keeps the place.</summary>
    public void PassOver(int place)
    {
        if (place == First) First++;
    }

    /// <summary>What was passed over may be had again.</summary>
    public void Return(Release release)
    {
        if (_places.TryGetValue(release, out var place)) First = Math.Min(First, place);
    }

    public void Remove(Release release)
    {
        if (_places.Remove(release, out var place)) _releases[place] = null;
    }

    /// <summary>Removes all versions of a package.</summary>
    public void Remove(PackageName package)
    {
        foreach (var release in _places.Keys.Where(release => release.Package == package).ToList()) Remove(release);
    }
}
