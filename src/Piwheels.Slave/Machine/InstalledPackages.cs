namespace Piwheels.Slave.Machine;

/// <summary>
/// The Debian packages of this machine: those that are installed, and what these provide (dpkg(1), the file "status").
/// </summary>
/// <param name="statusFile">dpkg's list; a machine without one has none.</param>
internal sealed class InstalledPackages(string statusFile = "/var/lib/dpkg/status")
{
    private DateTime _seen = DateTime.MinValue;

    /// <summary>Whether something may have been installed or removed since <see cref="Among"/> was asked last.</summary>
    public bool HaveChanged => File.GetLastWriteTimeUtc(statusFile) != _seen;

    /// <summary>Those of the packages asked about that are there.</summary>
    public IReadOnlyList<string> Among(IReadOnlyList<string> asked)
    {
        // Before it is read: what changes meanwhile is another change
        _seen = File.GetLastWriteTimeUtc(statusFile);
        var there = new HashSet<string>(StringComparer.Ordinal);
        try
        {
            Read(there);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return []; // No Debian
        }

        return [.. asked.Where(there.Contains)];
    }

    private void Read(HashSet<string> there)
    {
        var (name, provides, isInstalled) = ("", "", false);
        foreach (var line in File.ReadLines(statusFile).Append(""))
        {
            if (line.Length == 0)
            {
                if (isInstalled) there.Add(name);
                if (isInstalled) there.UnionWith(NamesIn(provides));
                (name, provides, isInstalled) = ("", "", false);
            }
            else if (ValueOf(line, "Package: ") is { } package)
            {
                name = package;
            }
            else if (ValueOf(line, "Status: ") is { } status)
            {
                isInstalled = status.EndsWith(" ok installed", StringComparison.Ordinal);
            }
            else if (ValueOf(line, "Provides: ") is { } names)
            {
                provides = names;
            }
        }
    }

    private static string? ValueOf(string line, string field) =>
        line.StartsWith(field, StringComparison.Ordinal) ? line[field.Length..].Trim() : null;

    // "libfoo-dev (= 1.2), libbar:any"
    private static IEnumerable<string> NamesIn(string provides) =>
        provides.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(static item => item.Split(' ', '(', ':')[0]);
}
