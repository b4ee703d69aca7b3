namespace Piwheels.Cli.Options;

/// <summary>The allow list and the block list of names, as `piw master` and `piw up` take them.</summary>
internal sealed class FollowedNamesSettings
{
    public const string OnlyOption = "--follow-only";
    public const string NeverOption = "--follow-never";

    private readonly Setting<IReadOnlyList<string>> _only;
    private readonly Setting<IReadOnlyList<string>> _never;

    /// <param name="add">Makes a setting one of the command's.</param>
    public FollowedNamesSettings(Action<Setting<IReadOnlyList<string>>> add)
    {
        _only = Settings.Names(OnlyOption[2..], "Follow these names only; * and ? are wildcards, FILE has more of them");
        _never = Settings.Names(NeverOption[2..], "Never follow these names; * and ? are wildcards, FILE has more of them");
        add(_only);
        add(_never);
    }

    public IReadOnlyList<string> Only(SettingsSource source) => _only.In(source);

    public IReadOnlyList<string> Never(SettingsSource source) => _never.In(source);

    /// <summary>The options that give lists to another process.</summary>
    public static IEnumerable<string> Arguments(IReadOnlyList<string> only, IReadOnlyList<string> never) =>
    [
        .. only.Count > 0 ? (string[])[OnlyOption, NamesText.Show(only)] : [],
        .. never.Count > 0 ? (string[])[NeverOption, NamesText.Show(never)] : [],
    ];
}
