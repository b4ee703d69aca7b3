using Piwheels.Core.Units;
using Piwheels.Slave;

namespace Piwheels.Cli.Options;

/// <summary>
/// How wheels are looked at before they are handed over, as `piw slave` and `piw up` take it. Texts, as those of
/// <see cref="ContainmentSettings"/>.
/// </summary>
internal sealed class CheckSettings
{
    private readonly Setting<string> _elf;
    private readonly Setting<string> _import;
    private readonly Setting<string> _importTime;

    /// <param name="add">Makes a setting one of the command's.</param>
    public CheckSettings(Action<Setting<string>> add)
    {
        _elf = Make(
            "check-elf", "Refuse wheels with modules for another machine than their tag says: always, never", "always", Elf);
        _import = Make(
            "check-import",
            "Import wheels with machine code before they are handed over: auto (where it can), always (or not build), never",
            "auto", Import);
        _importTime = Make(
            "check-import-time", "The longest time for one import, with the installation of what the wheel requires", "60s",
            DurationText.Parse);
        foreach (var setting in All) add(setting);
    }

    private IEnumerable<Setting<string>> All => [_elf, _import, _importTime];

    /// <summary>A slave's configuration with these settings.</summary>
    public SlaveConfiguration Apply(SlaveConfiguration configuration, SettingsSource source) => configuration with
    {
        Checks = new WheelChecks
        {
            Machine = Elf(_elf.In(source)),
            Import = Import(_import.In(source)),
            ImportTime = DurationText.Parse(_importTime.In(source)),
        },
    };

    /// <summary>The options that give them to another process.</summary>
    public IEnumerable<string> Arguments(SettingsSource source) =>
        All.SelectMany(setting => (string[])["--" + setting.Name, setting.In(source)]);

    private static Setting<string> Make<T>(string name, string description, string fallback, Func<string, T> parse) =>
        new(name, description, fallback, text =>
        {
            _ = parse(text);
            return text;
        });

    private static bool Elf(string text) => text.Trim().ToUpperInvariant() switch
    {
        "ALWAYS" => true,
        "NEVER" => false,
        _ => throw new FormatException($"'{text}' is none of always, never"),
    };

    private static ImportMode Import(string text) => text.Trim().ToUpperInvariant() switch
    {
        "AUTO" => ImportMode.Auto,
        "ALWAYS" => ImportMode.Always,
        "NEVER" => ImportMode.Never,
        _ => throw new FormatException($"'{text}' is none of auto, always, never"),
    };
}
