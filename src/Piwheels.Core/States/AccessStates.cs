namespace Piwheels.Core.States;

/// <summary>What an installer tells of itself and its machine in its user agent; everything may be missing.</summary>
public sealed record InstallerState(
    string? Arch,
    string? DistroName,
    string? DistroVersion,
    string? OsName,
    string? OsVersion,
    string? PyName,
    string? PyVersion,
    string? InstallerName,
    string? InstallerVersion,
    string? SetuptoolsVersion)
{
    /// <summary>An installer that tells nothing.</summary>
    public static readonly InstallerState Unknown = new(null, null, null, null, null, null, null, null, null, null);
}

/// <summary>One line of the web server's log that counts. <paramref name="Host"/> is an IP address as text.</summary>
public abstract record AccessState(string Host, DateTimeOffset Timestamp);

/// <summary>A wheel was downloaded.</summary>
public sealed record DownloadState(string Filename, string Host, DateTimeOffset Timestamp, InstallerState Installer)
    : AccessState(Host, Timestamp);

/// <summary>An installer looked a package up in the simple index.</summary>
public sealed record SearchState(string Package, string Host, DateTimeOffset Timestamp, InstallerState Installer)
    : AccessState(Host, Timestamp);

/// <summary>A project page was read.</summary>
public sealed record ProjectState(string Package, string Host, DateTimeOffset Timestamp, string UserAgent)
    : AccessState(Host, Timestamp);

/// <summary>A project's JSON was read.</summary>
public sealed record JsonState(string Package, string Host, DateTimeOffset Timestamp, string UserAgent)
    : AccessState(Host, Timestamp);

/// <summary>One of the site's other pages was read.</summary>
public sealed record PageState(string Page, string Host, DateTimeOffset Timestamp, string UserAgent)
    : AccessState(Host, Timestamp);
