using System.Globalization;

namespace Piwheels.Slave.Building;

/// <summary>A process as /proc/PID/stat tells of it (proc(5)).</summary>
/// <param name="State">One letter: R, S, D, T, Z (zombie) and so on.</param>
/// <param name="Started">In clock ticks after the machine's start: with the id, this names a process for good.</param>
internal readonly record struct ProcessEntry(int Id, char State, int ParentId, int GroupId, int SessionId, ulong Started)
{
    public bool IsZombie => State is 'Z' or 'X';

    /// <summary>How many threads it has.</summary>
    public int Threads { get; init; }

    /// <summary>Its time on the processors and that of its children that are gone, in clock ticks.</summary>
    public ulong CpuTicks { get; init; }

    /// <summary>Its memory, what it shares with others included, in pages.</summary>
    public long ResidentPages { get; init; }
}

/// <summary>The processes of this machine at one moment, as far as they can be seen.</summary>
internal static class ProcessTable
{
    private const int ParentField = 4 - 3; // Fields as proc(5) counts them, less the two before the command's end
    private const int GroupField = 5 - 3;
    private const int SessionField = 6 - 3;
    private const int CpuFields = 14 - 3; // Four of them: its own in user mode and in the kernel, its children's likewise
    private const int ThreadsField = 20 - 3;
    private const int StartedField = 22 - 3;
    private const int ResidentField = 24 - 3;

    public static List<ProcessEntry> Read()
    {
        var entries = new List<ProcessEntry>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                && TryRead(id, out var entry))
            {
                entries.Add(entry);
            }
        }

        return entries;
    }

    /// <summary>False when there is no such process any more.</summary>
    public static bool TryRead(int id, out ProcessEntry entry)
    {
        entry = default;
        return TryReadText(id, "stat") is { } text && TryParse(id, text, out entry);
    }

    /// <summary>A file of a process; null when it cannot be read: the process is gone, or somebody else's.</summary>
    public static string? TryReadText(int id, string file)
    {
        try
        {
            return File.ReadAllText($"/proc/{id}/{file}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    internal static bool TryParse(int id, string stat, out ProcessEntry entry)
    {
        entry = default;
        var commandEnd = stat.LastIndexOf(')'); // The command before it may hold anything, spaces and parentheses too
        if (commandEnd < 0) return false;
        var fields = stat[(commandEnd + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length <= ResidentField) return false;
        entry = new ProcessEntry(
            id,
            fields[0][0],
            int.Parse(fields[ParentField], CultureInfo.InvariantCulture),
            int.Parse(fields[GroupField], CultureInfo.InvariantCulture),
            int.Parse(fields[SessionField], CultureInfo.InvariantCulture),
            ulong.Parse(fields[StartedField], CultureInfo.InvariantCulture))
        {
            Threads = int.Parse(fields[ThreadsField], CultureInfo.InvariantCulture),
            CpuTicks = CpuTicksOf(fields.AsSpan(CpuFields, 4)),
            ResidentPages = long.Parse(fields[ResidentField], CultureInfo.InvariantCulture),
        };
        return true;
    }

    private static ulong CpuTicksOf(ReadOnlySpan<string> fields)
    {
        var ticks = 0ul;
        foreach (var field in fields) ticks += ulong.Parse(field, CultureInfo.InvariantCulture);
        return ticks;
    }
}
