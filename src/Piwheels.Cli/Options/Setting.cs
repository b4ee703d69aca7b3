using System.Collections;
using System.CommandLine;
using System.CommandLine.Parsing;
using Piwheels.Core.Units;
using Piwheels.Storage;

namespace Piwheels.Cli.Options;

/// <summary>An option that may also stand in a configuration file and in the environment.</summary>
internal abstract class Setting(string name)
{
    /// <summary>The long option without dashes; the key in configuration files.</summary>
    public string Name { get; } = name;

    /// <summary>The environment's name for it, e.g. <c>PIW_OUTPUT_PATH</c>.</summary>
    public string EnvironmentName => "PIW_" + Name.Replace('-', '_').ToUpperInvariant();

    public abstract Option Option { get; }

    /// <summary>What holds when nobody says anything, as text; empty where that is nothing.</summary>
    public abstract string Usual { get; }

    /// <summary>What is wrong with a text for it; null where nothing is.</summary>
    public abstract string? FaultOf(string text);
}

/// <inheritdoc cref="Setting"/>
internal sealed class Setting<T> : Setting
{
    private readonly Option<T> _option;
    private readonly Func<string, T> _parse;
    private readonly T _fallback;

    /// <param name="name">The long option without dashes.</param>
    /// <param name="description">For the help text.</param>
    /// <param name="fallback">What holds when nobody says anything.</param>
    /// <param name="parse">Reads its text; throws FormatException with a text for the user.</param>
    /// <param name="aliases">Short forms, with their dashes.</param>
    public Setting(string name, string description, T fallback, Func<string, T> parse, params string[] aliases)
        : base(name)
    {
        _parse = parse;
        _fallback = fallback;
        _option = new Option<T>("--" + name, aliases)
        {
            Description = Usual.Length == 0 ? description : $"{description} ({Usual})",
            HelpName = typeof(T) == typeof(bool) ? null : HelpNameOf(name),
            CustomParser = ParseToken,
            Arity = typeof(T) == typeof(bool) ? ArgumentArity.ZeroOrOne : ArgumentArity.ExactlyOne,
        };
    }

    public override Option Option => _option;

    public override string Usual => _fallback is null or false or ICollection { Count: 0 } ? "" : Show(_fallback);

    public override string? FaultOf(string text)
    {
        try
        {
            _parse(text);
            return null;
        }
        catch (FormatException fault)
        {
            return fault.Message;
        }
    }

    /// <summary>The value in force: the command line beats the environment, which beats files.</summary>
    public T In(SettingsSource source)
    {
        if (source.Parsed.GetResult(_option) is { Implicit: false }) return source.Parsed.GetValue(_option)!;
        if (source.TextOf(this) is not var (text, origin)) return _fallback;
        try
        {
            return _parse(text);
        }
        catch (FormatException fault)
        {
            throw new CommandFault($"{origin}: {fault.Message}", CommandFault.WrongUsage, fault);
        }
    }

    private T? ParseToken(ArgumentResult result)
    {
        if (result.Tokens.Count == 0) return (T)(object)true;
        try
        {
            return _parse(result.Tokens[0].Value);
        }
        catch (FormatException fault)
        {
            result.AddError($"--{Name}: {fault.Message}");
            return default;
        }
    }

    /// <summary>What stands for a value in help: the kind of it, else the last word of the option's name.</summary>
    private static string HelpNameOf(string name) => default(T) switch
    {
        TimeSpan => "DURATION",
        int => "N",
        long => "SIZE",
        _ => typeof(T) == typeof(Uri) ? "URL"
            : typeof(T) == typeof(IReadOnlyList<TimeSpan>) ? "DURATIONS"
            : typeof(T) == typeof(IReadOnlyList<string>) ? "NAMES"
            : name[(name.LastIndexOf('-') + 1)..].ToUpperInvariant(),
    };

    private static string Show(T value) => value switch
    {
        TimeSpan duration => DurationText.Show(duration),
        IEnumerable<TimeSpan> durations => string.Join(", ", durations.Select(DurationText.Show)),
        long bytes => $"{bytes >> 20}M",
        _ => $"{value}",
    };
}

/// <summary>The kinds of settings.</summary>
internal static class Settings
{
    public static Setting<string> Text(string name, string description, string fallback, params string[] aliases) =>
        new(name, description, fallback, static text => text, aliases);

    /// <summary>The address of a database, as <see cref="Dsn.Parse"/> reads it; its text is kept.</summary>
    public static Setting<string> Database(string name, string description, string fallback, params string[] aliases) =>
        new(name, description, fallback, static text => text.Length > 0 ? Checked(text) : text, aliases);

    public static Setting<bool> Flag(string name, string description, params string[] aliases) =>
        new(name, description, false, ParseFlag, aliases);

    public static Setting<TimeSpan> Duration(
        string name, string description, TimeSpan fallback, params string[] aliases) =>
        new(name, description, fallback, DurationText.Parse, aliases);

    /// <summary>Durations, separated by blanks or commas; maybe none.</summary>
    public static Setting<IReadOnlyList<TimeSpan>> Durations(
        string name, string description, IReadOnlyList<TimeSpan> fallback) =>
        new(name, description, fallback, static text =>
            [.. text.Split([' ', ','], StringSplitOptions.RemoveEmptyEntries).Select(DurationText.Parse)]);

    /// <summary>A size in bytes, as <see cref="BytesText.ParseSize"/> reads it; 0 is one too.</summary>
    public static Setting<long> Size(string name, string description, long fallback) =>
        new(name, description, fallback, static text => text.Trim() == "0" ? 0 : BytesText.ParseSize(text));

    public static Setting<Uri> Url(string name, string description, string fallback, params string[] aliases) =>
        new(name, description, new Uri(fallback), ParseUrl, aliases);

    /// <summary>Package names and patterns; see <see cref="NamesText"/>.</summary>
    public static Setting<IReadOnlyList<string>> Names(string name, string description) =>
        new(name, description, [], NamesText.Parse);

    public static Setting<int> Number(
        string name, string description, int fallback, int least, int most, params string[] aliases) =>
        new(name, description, fallback, text => ParseNumber(text, least, most), aliases);

    /// <exception cref="FormatException">Not an absolute http or https URL.</exception>
    public static Uri ParseUrl(string text) =>
        Uri.TryCreate(text.TrimEnd('/'), UriKind.Absolute, out var url)
            && (url.Scheme == Uri.UriSchemeHttp || url.Scheme == Uri.UriSchemeHttps)
            ? url
            : throw new FormatException($"'{text}' is not an http or https URL");

    private static string Checked(string dsn)
    {
        _ = Dsn.Parse(dsn);
        return dsn;
    }

    private static bool ParseFlag(string text) => text.Trim().ToUpperInvariant() switch
    {
        "TRUE" or "YES" or "ON" or "1" => true,
        "FALSE" or "NO" or "OFF" or "0" => false,
        _ => throw new FormatException($"'{text}' is neither true nor false"),
    };

    private static int ParseNumber(string text, int least, int most) =>
        int.TryParse(text, out var number) && number >= least && number <= most
            ? number
            : throw new FormatException($"'{text}' is not a number from {least} to {most}");
}
