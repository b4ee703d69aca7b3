using Microsoft.Extensions.Configuration;

namespace Piwheels.Cli.Options;

/// <summary>The configuration files of a command: INI, a later one wins key by key.</summary>
internal sealed class ConfigurationFiles
{
    private const long FileBytesMax = 1 << 20;

    private readonly List<ConfigurationFile> _files = [];

    private ConfigurationFiles()
    {
    }

    /// <summary>Those that were read, in the order in which a later one wins.</summary>
    public IReadOnlyList<ConfigurationFile> All => _files;

    /// <summary>Reads the one that is named, else those of the system and of the user that are there.</summary>
    /// <exception cref="CommandFault">A file cannot be read, or is no INI file.</exception>
    public static ConfigurationFiles Read(string? named)
    {
        var files = new ConfigurationFiles();
        foreach (var path in named is null ? UsualPaths() : [named])
        {
            if (named is not null || File.Exists(path)) files._files.Add(new ConfigurationFile(path, Parse(path)));
        }

        return files;
    }

    /// <summary>Where files are looked for unless one is named.</summary>
    public static IEnumerable<string> UsualPaths()
    {
        yield return "/etc/piwheels.conf";
        yield return "/usr/local/etc/piwheels.conf";
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        if (home.Length > 0) yield return Path.Combine(home, ".config", "piwheels", "piwheels.conf");
    }

    /// <summary>The value that counts, and the file that it is in.</summary>
    public (string Text, ConfigurationFile File)? Find(string section, string key)
    {
        for (var index = _files.Count - 1; index >= 0; index--)
        {
            if (_files[index].Values.GetSection(section)[key] is { } text) return (text, _files[index]);
        }

        return null;
    }

    private static IConfigurationRoot Parse(string path)
    {
        using var content = ReadWhole(path);
        try
        {
            return new ConfigurationBuilder().AddIniStream(content).Build();
        }
        catch (Exception fault) when (fault is FormatException or InvalidDataException)
        {
            throw new CommandFault($"{path}: {fault.Message}", CommandFault.Failed, fault);
        }
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
}

/// <summary>One of them.</summary>
/// <param name="Values">By section and key.</param>
internal sealed record ConfigurationFile(string Path, IConfigurationRoot Values)
{
    /// <summary>Its keys with the section that each is in; "" outside of sections.</summary>
    public IEnumerable<(string Section, string Key)> Keys()
    {
        foreach (var top in Values.GetChildren())
        {
            if (top.Value is not null) yield return ("", top.Key);
            foreach (var child in top.GetChildren()) yield return (top.Key, child.Key);
        }
    }
}
