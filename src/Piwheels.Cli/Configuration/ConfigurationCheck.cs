using Piwheels.Cli.Commands;
using Piwheels.Cli.Options;

namespace Piwheels.Cli.Configuration;

/// <summary>What is wrong with configuration files and with the environment.</summary>
internal static class ConfigurationCheck
{
    private const string Prefix = "PIW_";

    /// <summary>A line for each problem.</summary>
    public static IReadOnlyList<string> Run(ConfigurationFiles files, IReadOnlyList<PiwCommand> commands) =>
    [
        .. files.All.SelectMany(file => UnknownIn(file, commands)),
        .. UnknownVariables(commands),
        .. commands.SelectMany(command => SettingInForce.Of(command, files))
            .Where(static setting => setting.Fault is not null)
            .Select(static setting => $"{setting.Origin}: {setting.Fault}").Distinct(),
    ];

    private static IEnumerable<string> UnknownIn(ConfigurationFile file, IReadOnlyList<PiwCommand> commands)
    {
        foreach (var keys in file.Keys().GroupBy(static each => each.Section, StringComparer.OrdinalIgnoreCase))
        {
            var readers = commands.Where(command => keys.Key.Equals(command.Section, StringComparison.OrdinalIgnoreCase))
                .ToList();
            if (keys.Key.Length == 0)
            {
                foreach (var (_, key) in keys) yield return $"{file.Path}: {key} stands before any section";
            }
            else if (readers.Count == 0)
            {
                var sections = commands.Select(static command => command.Section).Distinct();
                yield return $"{file.Path}: no command reads [{keys.Key}]{Meant(keys.Key, sections)}";
            }
            else
            {
                var names = readers.SelectMany(static command => command.OwnSettings).Select(static s => s.Name).ToList();
                foreach (var (_, key) in keys.Where(each => !names.Contains(each.Key, StringComparer.OrdinalIgnoreCase)))
                    yield return $"{file.Path}: nobody knows {key} in [{keys.Key}]{Meant(key, names)}";
            }
        }
    }

    private static IEnumerable<string> UnknownVariables(IReadOnlyList<PiwCommand> commands)
    {
        var known = commands.SelectMany(static command => command.OwnSettings)
            .Select(static setting => setting.EnvironmentName).ToHashSet(StringComparer.Ordinal);
        return Environment.GetEnvironmentVariables().Keys.Cast<string>()
            .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal) && !known.Contains(name))
            .Order(StringComparer.Ordinal)
            .Select(name => $"{name}: no command reads this variable{Meant(name, known)}");
    }

    /// <summary>The name that is nearest to one that nobody knows, if that is near.</summary>
    private static string Meant(string name, IEnumerable<string> known)
    {
        var nearest = known.Select(each => (Name: each, Distance: EditDistance(name, each)))
            .OrderBy(static each => each.Distance).ThenBy(static each => each.Name, StringComparer.Ordinal)
            .FirstOrDefault((Name: "", Distance: int.MaxValue));
        return nearest.Distance <= Math.Max(1, name.Length / 3) ? $"; {nearest.Name}?" : "";
    }

    /// <summary>Letters to insert, remove or replace (Levenshtein), small and capital ones being the same.</summary>
    private static int EditDistance(string one, string other)
    {
        var row = Enumerable.Range(0, other.Length + 1).ToArray();
        for (var i = 0; i < one.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i + 1;
            for (var j = 0; j < other.Length; j++)
            {
                var same = char.ToUpperInvariant(one[i]) == char.ToUpperInvariant(other[j]);
                var replaced = diagonal + (same ? 0 : 1);
                diagonal = row[j + 1];
                row[j + 1] = Math.Min(replaced, Math.Min(row[j], diagonal) + 1);
            }
        }

        return row[^1];
    }
}
