namespace Piwheels.Logger.Formats;

/// <summary>What of a line is looked at; all else is passed over.</summary>
internal enum LogField
{
    Skipped,

    /// <summary>The client's address.</summary>
    Host,

    /// <summary><c>GET /path?query HTTP/1.1</c>.</summary>
    Request,

    Method,

    /// <summary>The path, decoded by the web server.</summary>
    Path,

    /// <summary>The answer's status.</summary>
    Status,

    /// <summary>The User-Agent header.</summary>
    Agent,
}

/// <summary>Where the fields of one line are, and its time.</summary>
internal ref struct FoundFields
{
    /// <summary>The number of <see cref="LogField"/>s.</summary>
    public const int Count = (int)LogField.Agent + 1;

    /// <summary>By field; what was not found is the default.</summary>
    public Span<Range> Places;

    public TimeParts Time;

    /// <summary>How many more ends of fields may be tried: a line that could be read in many ways is none.</summary>
    public int TriesLeft;
}
