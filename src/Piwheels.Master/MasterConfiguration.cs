using Piwheels.Pages;

namespace Piwheels.Master;

/// <summary>What the master was told: addresses, places and upstream. Defaults are those of a single machine.</summary>
public sealed record MasterConfiguration
{
    /// <summary>Where PostgreSQL is: a URI, or Npgsql's key=value form.</summary>
    public string Dsn { get; init; } = "postgresql:///piwheels";

    /// <summary>The folder that is published.</summary>
    public string OutputPath { get; init; } = "/var/www";

    /// <summary>Shorter waits, for people who work on the farm itself.</summary>
    public bool DevMode { get; init; }

    public Uri PypiXmlRpc { get; init; } = new("https://pypi.org/pypi");
    public Uri PypiSimple { get; init; } = new("https://pypi.org/simple");
    public Uri PypiJson { get; init; } = new("https://pypi.org/pypi");

    /// <summary>Follow the packages of the selection in the database instead of the whole index.</summary>
    public bool FollowSelection { get; init; }

    /// <summary>
    /// Of what is asked for by name, follow every version that matches, not the newest alone; otherwise each request
    /// says which it wants.
    /// </summary>
    public bool FollowAllVersions { get; init; }

    /// <summary>Names to follow, * and ? as wildcards; all where empty.</summary>
    public IReadOnlyList<string> FollowOnly { get; init; } = [];

    /// <summary>Names never to follow, as <see cref="FollowOnly"/>.</summary>
    public IReadOnlyList<string> FollowNever { get; init; } = [];

    /// <summary>Also list a wheel for linux_armv7l as one for linux_armv6l.</summary>
    public bool Armv6Alias { get; init; }

    /// <summary>The folder with recipes; empty for none.</summary>
    public string Recipes { get; init; } = "";

    /// <summary>Have slaves that are sent no recipes build what has one, as any other.</summary>
    public bool RecipesForAll { get; init; }

    /// <summary>
    /// The folder with the master's key and the list of slaves that may connect with theirs; empty for none.
    /// </summary>
    public string SlaveKeys { get; init; } = "";

    /// <summary>Bind slave and file queues as their addresses say, without keys, instead of on loopback only.</summary>
    public bool StrangersMayConnect { get; init; }

    /// <summary>Free bytes of the disk published from, below which nothing is given out to be built.</summary>
    public long DiskMin { get; init; } = 1L << 30;

    /// <summary>Have a wheel reach the disk before it takes its place.</summary>
    public bool FlushWheels { get; init; } = true;

    /// <summary>How many oracles answer database requests at a time.</summary>
    public int Oracles { get; init; } = 3;

    /// <summary>
    /// How long a build that failed for a reason that passes (a full disk, the network, memory, time) waits before it is
    /// tried again: the second time, the third, and so on. After the last of them it is recorded as failed.
    /// </summary>
    public IReadOnlyList<TimeSpan> RetryDelays { get; init; } =
        [TimeSpan.FromMinutes(10), TimeSpan.FromHours(1), TimeSpan.FromHours(6), TimeSpan.FromHours(24)];

    /// <summary>The site's name on its pages.</summary>
    public string SiteTitle { get; init; } = "Wheel farm";

    /// <summary>The URL that the site is reached at, without a slash at the end; empty when not known.</summary>
    public string SiteUrl { get; init; } = "";

    /// <summary>Links of the pages' footer, by their text: http, https, mailto, or a path of the site.</summary>
    public IReadOnlyDictionary<string, string> SiteLinks { get; init; } = new Dictionary<string, string>();

    /// <summary>A line of the operator's own at the foot of the pages.</summary>
    public string SiteFooter { get; init; } = "";

    /// <summary>The site's own logo; null for the one that all farms have.</summary>
    public SiteImage? SiteLogo { get; init; }

    /// <summary>The colour of links and buttons; null for the one that all farms have.</summary>
    public SiteColour? SiteColour { get; init; }

    /// <summary>What ABI tags are called on the pages, e.g. "cp311": "Bookworm, Python 3.11".</summary>
    public IReadOnlyDictionary<string, string> AbiNames { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// How long requests to rewrite a package's pages are gathered; null for a minute, or few seconds where the farm
    /// follows a selection or is being worked on.
    /// </summary>
    public TimeSpan? RewriteDelay { get; init; }

    /// <summary>Have every page reach the disk before it takes its place.</summary>
    public bool FlushPages { get; init; }

    public string StatusQueue { get; init; } = "ipc:///tmp/piw-status";
    public string ControlQueue { get; init; } = "ipc:///tmp/piw-control";
    public string ImportQueue { get; init; } = "ipc:///tmp/piw-import";
    public string LogQueue { get; init; } = "ipc:///tmp/piw-logger";
    public string SlaveQueue { get; init; } = "tcp://*:5555";
    public string FileQueue { get; init; } = "tcp://*:5556";

    /// <summary>The slave queue's address for slaves with keys, where there are <see cref="SlaveKeys"/>.</summary>
    public string KeyedSlaveQueue { get; init; } = "tcp://*:5557";

    /// <summary>The file queue's address for slaves with keys, where there are <see cref="SlaveKeys"/>.</summary>
    public string KeyedFileQueue { get; init; } = "tcp://*:5558";

    /// <summary>
    /// Where those who follow what builds print subscribe; empty: nobody can, and no slave is asked for it.
    /// </summary>
    public string LiveQueue { get; init; } = "";

    public string WebQueue { get; init; } = "inproc://web";
    public string BuildsQueue { get; init; } = "inproc://builds";
    public string DbQueue { get; init; } = "inproc://db";
    public string FsQueue { get; init; } = "inproc://fs";
    public string StatsQueue { get; init; } = "inproc://stats";

    /// <summary>Between Seraph and the oracles; inside one process always.</summary>
    public const string OracleQueue = "inproc://oracle";

    /// <summary>Between TheSecretary and TheScribe.</summary>
    public const string ScribeQueue = "inproc://scribe";

    /// <summary>Deletions on their way to SlaveDriver.</summary>
    public const string SkipQueue = "inproc://skip";

    /// <summary>What monitors shall hear, on its way to the main loop.</summary>
    public const string InnerStatusQueue = "inproc://status";
}
