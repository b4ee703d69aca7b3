namespace Piwheels.Messaging.Cbor;

/// <summary>
/// The most that a reader takes of anything. They keep a peer's nonsense small and are wider than what the database
/// holds: a claim that is merely too long for a column is refused where it is checked, not by dropping the message.
/// </summary>
public static class WireLimits
{
    /// <summary>A message's name, in characters.</summary>
    public const int NameLengthMax = 32;

    /// <summary>A name, tag, version, label or file name, in characters.</summary>
    public const int TextLengthMax = 1_000;

    /// <summary>A description, reason, user agent or address, in characters.</summary>
    public const int LongTextLengthMax = 10_000;

    /// <summary>A build's log, in characters.</summary>
    public const int OutputLengthMax = 64 * 1024 * 1024;

    /// <summary>What is read of a longer log, in bytes: its beginning and its end.</summary>
    public const int LogBytesMax = 10_000_000;

    /// <summary>What of that is its beginning.</summary>
    public const int LogHeadBytes = 1_000_000;

    /// <summary>What a running build may have printed, in bytes: more than any disk holds.</summary>
    public const long OutputOffsetMax = 1L << 50;

    /// <summary>Wheels of one build.</summary>
    public const int FilesMax = 1_000;

    /// <summary>Kinds of dependencies of one wheel.</summary>
    public const int ToolsMax = 10;

    /// <summary>Dependencies of one kind of one wheel.</summary>
    public const int DependenciesMax = 10_000;

    /// <summary>Debian packages that the recipes of a farm ask about.</summary>
    public const int AptPackagesMax = 10_000;

    /// <summary>Entries of one kind in a recipe; more than a recipe may have.</summary>
    public const int RecipeEntriesMax = 1_000;

    /// <summary>A patch, in characters; more than a recipe may have.</summary>
    public const int PatchLengthMax = 1 << 20;

    /// <summary>Keys of an extension, those included that are passed over.</summary>
    public const int ExtensionKeysMax = 100;

    /// <summary>Spellings of a package's name.</summary>
    public const int AliasesMax = 1_000;

    /// <summary>Versions of a package; some ten times what any on PyPI has.</summary>
    public const int VersionsMax = 100_000;

    /// <summary>ABIs, or targets, that a farm builds for.</summary>
    public const int TargetsMax = 1_000;

    /// <summary>Rows of a table, in the master's own queues; some ten times what PyPI has.</summary>
    public const int RowsMax = 100_000_000;
}
