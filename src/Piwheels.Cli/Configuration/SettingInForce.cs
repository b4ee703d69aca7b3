using System.Text.Json;
using System.Text.Json.Serialization;
using Piwheels.Cli.Commands;
using Piwheels.Cli.Options;
using Piwheels.Storage;

namespace Piwheels.Cli.Configuration;

/// <summary>A setting of a command as it would be in force if the command were started now, without options.</summary>
/// <param name="Command">As it is called: <c>follow add</c>.</param>
/// <param name="Value">Its text, without passwords; empty where nothing is said and nothing holds.</param>
/// <param name="Origin">Where it was said: a file with section and key, or a variable; empty where nobody said it.</param>
/// <param name="Fault">What is wrong with it.</param>
internal sealed record SettingInForce(string Command, string Name, string Value, string Origin, string? Fault)
{
    /// <summary>Somebody said it.</summary>
    [JsonIgnore]
    public bool IsSaid => Origin.Length > 0;

    public static IEnumerable<SettingInForce> Of(PiwCommand command, ConfigurationFiles files)
    {
        var source = new SettingsSource(command.Command.Parse([]), command.Section, files);
        return command.OwnSettings.Select(setting =>
        {
            if (source.TextOf(setting) is not var (text, origin))
                return new SettingInForce(command.FullName, setting.Name, setting.Usual, "", null);
            return new SettingInForce(command.FullName, setting.Name, WithoutPassword(text), origin, setting.FaultOf(text));
        });
    }

    public static void WriteText(IReadOnlyList<SettingInForce> settings, TextWriter output)
    {
        foreach (var command in settings.GroupBy(static setting => setting.Command))
        {
            var width = command.Max(static setting => setting.Name.Length);
            output.WriteLine($"piw {command.Key}");
            foreach (var setting in command)
            {
                var origin = setting.IsSaid ? $"  ({setting.Origin})" : "";
                output.WriteLine($"  {setting.Name.PadRight(width)}  {setting.Value}{origin}".TrimEnd());
            }
        }
    }

    public static void WriteJson(IEnumerable<SettingInForce> settings, TextWriter output) =>
        output.WriteLine(JsonSerializer.Serialize([.. settings], SettingsContext.Default.SettingInForceArray));

    /// <summary>What is shown of an address of a database.</summary>
    private static string WithoutPassword(string text)
    {
        if (!text.Contains("://", StringComparison.Ordinal) && !text.Contains('=', StringComparison.Ordinal)) return text;
        if (!text.Contains('@', StringComparison.Ordinal)
            && !text.Contains("password", StringComparison.OrdinalIgnoreCase)) return text;
        try
        {
            return Dsn.Parse(text).ToString();
        }
        catch (FormatException)
        {
            // An address with a password of something else, or one that is wrong
            return "(not shown: there may be a password in it)";
        }
    }
}

[JsonSerializable(typeof(SettingInForce[]))]
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
internal sealed partial class SettingsContext : JsonSerializerContext;
