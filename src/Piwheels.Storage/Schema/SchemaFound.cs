namespace Piwheels.Storage.Schema;

/// <summary>What a database holds.</summary>
/// <param name="Version">Its version; of an unknown one, what it is in a few words.</param>
public sealed record SchemaFound(SchemaKind Kind, string Version)
{
    /// <summary>The releases of piwheels whose database can be upgraded.</summary>
    internal static readonly string[] PiwheelsVersions = ["0.18", "0.19", "0.20", "0.21", "0.22", "0.23"];

    /// <summary>The tables that a database of each of <see cref="PiwheelsVersions"/> has.</summary>
    internal static readonly string[] PiwheelsTables =
    [
        "configuration", "packages", "package_names", "versions", "build_abis", "builds", "files", "dependencies",
        "preinstalled_apt_packages", "rewrites_pending", "downloads", "searches", "project_page_hits",
        "project_json_downloads", "web_page_hits",
    ];

    /// <summary>How many unknown objects a refusal names.</summary>
    private const int NamedObjectsMax = 5;

    /// <summary>Judges by the names of what is there.</summary>
    /// <param name="objects">Relations and functions that belong to no extension; with their schema unless it is public.</param>
    /// <param name="version">What <c>configuration</c> says; empty where it says nothing.</param>
    internal static SchemaFound Of(IReadOnlySet<string> objects, string version)
    {
        if (objects.Count == 0) return new SchemaFound(SchemaKind.Empty, "");
        if (version.Length > 0 && objects.IsSupersetOf(["configuration", "targets", "counters"]))
        {
            return new SchemaFound(version == SchemaVersion.Current ? SchemaKind.Current : SchemaKind.Other, version);
        }

        if (!objects.IsSupersetOf(["packages", "versions", "builds", "files"]))
        {
            return new SchemaFound(
                SchemaKind.Unknown, string.Join(", ", objects.Order(StringComparer.Ordinal).Take(NamedObjectsMax)));
        }

        var missing = PiwheelsTables.Where(name => !objects.Contains(name)).ToList();
        return missing.Count == 0 || !PiwheelsVersions.Contains(version)
            ? new SchemaFound(SchemaKind.Piwheels, version)
            : new SchemaFound(SchemaKind.Unknown, $"piwheels {version} without {string.Join(", ", missing)}");
    }
}

/// <summary>The kinds of databases that an installer may meet.</summary>
public enum SchemaKind
{
    /// <summary>Nothing.</summary>
    Empty,

    /// <summary>This program's schema.</summary>
    Current,

    /// <summary>The schema of another release of this program.</summary>
    Other,

    /// <summary>A database of piwheels.</summary>
    Piwheels,

    /// <summary>Something else.</summary>
    Unknown,
}

/// <summary>
/// What an installer is at. Told when a step begins, after each of its statements, and, with a note, when there is
/// something to know.
/// </summary>
/// <param name="Step">What the step is about, in a word or two.</param>
/// <param name="Done">How many of the whole script's statements have been run.</param>
/// <param name="Note">What was repaired, kept aside or counted; null in reports of progress alone.</param>
public sealed record SchemaProgress(string Step, int Done, int Total, string? Note = null);

/// <summary>The schema cannot be made; the text says why and what to do, in one line.</summary>
public sealed class SchemaException(string message, Exception? inner = null) : Exception(message, inner);
