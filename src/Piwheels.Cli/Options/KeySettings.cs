using Piwheels.Messaging.Keys;

namespace Piwheels.Cli.Options;

/// <summary>Where keys are, as `piw master`, `piw up`, `piw slave` and `piw slave-key` take it.</summary>
internal static class KeySettings
{
    public const string FolderOption = "--slave-keys";

    public const string FileOption = "--key-file";

    public static Setting<string> Folder() => Settings.Text(
        FolderOption[2..], "The folder with the master's key and the list of slaves that may connect with theirs", "");

    public static Setting<string> File() => Settings.Text(
        FileOption[2..], "The slave's secret key (~/.config/piwheels/slave.key)", "");

    /// <summary>The whole path; empty where there is none.</summary>
    public static string KeyFolderIn(this Setting<string> setting, SettingsSource source) =>
        setting.In(source) is { Length: > 0 } folder ? Path.GetFullPath(folder) : "";

    /// <summary>The whole path of the slave's key; where it usually is, unless named.</summary>
    public static string KeyFileIn(this Setting<string> setting, SettingsSource source) =>
        setting.In(source) is { Length: > 0 } file
            ? Path.GetFullPath(file)
            : Path.Combine(
                Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".config", "piwheels", "slave.key");

    /// <exception cref="FormatException">No public key.</exception>
    public static PublicKey? ParseKey(string text) => text.Trim() switch
    {
        "" => null,
        var key when PublicKey.TryParse(key, out var parsed) => parsed,
        _ => throw new FormatException(
            $"this is no public key, which has {PublicKey.TextLength} characters; a shell wants it in single quotes"),
    };

    /// <summary>The option that gives the folder to another process.</summary>
    public static IEnumerable<string> Arguments(string folder) => folder.Length > 0 ? [FolderOption, folder] : [];
}
