namespace Piwheels.Master.Upstream;

/// <summary>Why the follower has versions and packages not built.</summary>
public static class SkipReasons
{
    /// <summary>The release has wheels alone: there is nothing to build from.</summary>
    public const string BinaryOnly = "binary only";

    /// <summary>The index has removed it, and the farm is about to.</summary>
    public const string Deleted = "deleted";
}
