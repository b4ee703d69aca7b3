using System.CommandLine;
using System.CommandLine.Parsing;

namespace Piwheels.Cli.Options;

/// <summary>Where a command's settings come from: its command line, the environment, and configuration files.</summary>
internal sealed class SettingsSource(ParseResult parsed, string section, ConfigurationFiles files)
{
    public ParseResult Parsed => parsed;

    /// <summary>A setting's text and where it was found; null when neither environment nor files have it.</summary>
    public (string Text, string Origin)? TextOf(Setting setting)
    {
        if (Environment.GetEnvironmentVariable(setting.EnvironmentName) is { Length: > 0 } text)
            return (text, setting.EnvironmentName);
        return files.Find(section, setting.Name) is var (value, file)
            ? (value, $"{file.Path}, [{section}] {setting.Name}")
            : null;
    }

    /// <summary>Keys of the command's section that none of these settings knows, with the files that they are in.</summary>
    public IEnumerable<(string File, string Key)> UnknownKeys(IEnumerable<Setting> known)
    {
        var names = known.Select(static setting => setting.Name).ToHashSet(StringComparer.OrdinalIgnoreCase);
        return files.All.SelectMany(file => file.Keys()
            .Where(each => each.Section.Equals(section, StringComparison.OrdinalIgnoreCase) && !names.Contains(each.Key))
            .Select(each => (file.Path, each.Key)));
    }
}
