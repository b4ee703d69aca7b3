namespace Piwheels.Master.Upstream;

/// <summary>Why the follower has versions and packages not built.</summary>
public static class SkipReasons
{
    /// <summary>The release has wheels alone: there is nothing to build from.</summary>
    public const string BinaryOnly = "binary only";

    /// <summary>The index has removed it, and the farm is about to.</summary>
    public const string Deleted = "deleted";

    /// <summary>
    /// By its package's policy the release may not have to be built; what the index has of it is read first. The
    /// database lifts it when that is told (<c>set_upstream_wheels</c>).
    /// </summary>
    public const string UpstreamUnread = "upstream not read yet";

    /// <summary>
    /// Of a version: it waited to be built for a selection, and nobody there needs it any more. Of a package: the lists
    /// of names leave it out.
    /// </summary>
    public const string NotFollowed = "not followed";
}
