using System.CommandLine;
using System.CommandLine.Parsing;
using Microsoft.Extensions.Configuration;

namespace Piwheels.Cli.Options;

/// <summary>Where a command's settings come from: its command line, the environment, and configuration files.</summary>
internal sealed class SettingsSource
{
    private readonly IConfigurationSection _section;

    private SettingsSource(ParseResult parsed, IConfigurationSection section)
    {
        Parsed = parsed;
        _section = section;
    }

    public ParseResult Parsed { get; }

    /// <summary>
    /// Reads the files: the one that was named, else those of the system and of the user, where a later one wins.
    /// </summary>
    /// <exception cref="CommandFault">A file cannot be read, or is no INI file.</exception>
    public static SettingsSource Load(ParseResult parsed, string section, string? named)
    {
        var builder = new ConfigurationBuilder();
        foreach (var path in named is null ? UsualFiles() : [named])
        {
            if (named is null && !File.Exists(path)) continue;
            builder.AddIniStream(ReadWhole(path));
        }

        try
        {
            return new SettingsSource(parsed, builder.Build().GetSection(section));
        }
        catch (Exception fault) when (fault is FormatException or InvalidDataException)
        {
            throw new CommandFault($"configuration: {fault.Message}", CommandFault.Failed, fault);
        }
    }

    /// <summary>Keys of the command's section that no setting knows.</summary>
    public IEnumerable<string> UnknownKeys(IEnumerable<Setting> known) =>
        _section.GetChildren().Select(child => child.Key)
            .Except(known.Select(setting => setting.Name), StringComparer.OrdinalIgnoreCase);

    /// <summary>A setting's text and where it was found; null when neither environment nor files have it.</summary>
    public (string Text, string Origin)? TextOf(Setting setting)
    {
        if (Environment.GetEnvironmentVariable(setting.EnvironmentName) is { Length: > 0 } text)
            return (text, setting.EnvironmentName);
        return _section[setting.Name] is { } value ? (value, $"configuration, {_section.Key}.{setting.Name}") : null;
    }

    private static IEnumerable<string> UsualFiles()
    {
        yield return "/etc/piwheels.conf";
        yield return "/usr/local/etc/piwheels.conf";
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        if (home.Length > 0) yield return Path.Combine(home, ".config", "piwheels", "piwheels.conf");
    }

    private static MemoryStream ReadWhole(string path)
    {
        try
        {
            if (new FileInfo(path).Length > FileBytesMax)
                throw new CommandFault($"{path}: too large for a configuration file");
            return new MemoryStream(File.ReadAllBytes(path));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new CommandFault($"{path}: {fault.Message}", CommandFault.Failed, fault);
        }
    }

    private const long FileBytesMax = 1 << 20;
}
