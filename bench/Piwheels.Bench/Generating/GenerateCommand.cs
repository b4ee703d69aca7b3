using System.CommandLine;
using System.Globalization;
using Piwheels.Bench.Places;

namespace Piwheels.Bench.Generating;

/// <summary>`generate`: makes a database of PyPI's size, or of a part of it.</summary>
internal static class GenerateCommand
{
    public static Command Create()
    {
        var place = new DatabaseOptions();
        var scale = new Option<double>("--scale")
        {
            Description = "1 is PyPI in 2026: 740,000 packages, 8.3 million versions, 16 million builds",
            DefaultValueFactory = static _ => 0.1,
        };
        var today = new Option<string?>("--today")
        {
            Description = "The data's present, like 2026-12-31; this day unless said otherwise",
        };
        var command = new Command("generate", "Makes a database of PyPI's size, or a part of it");
        place.AddTo(command);
        command.Add(scale);
        command.Add(today);
        command.SetAction(async (parsed, cancel) =>
        {
            var sizes = new Sizes(parsed.GetValue(scale), ReadDay(parsed.GetValue(today)));
            if (sizes.Scale is not (>= Sizes.ScaleMin and <= Sizes.ScaleMax))
                throw new BenchFault($"a scale from {Sizes.ScaleMin} to {Sizes.ScaleMax} is expected");
            await using var database = await place.OpenAsync(parsed, generating: true, cancel);
            await new Generator(database, sizes, new Progress()).RunAsync(cancel);
            return 0;
        });
        return command;
    }

    private static DateOnly ReadDay(string? text)
    {
        if (text is null) return DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime);
        var format = CultureInfo.InvariantCulture;
        return DateOnly.TryParseExact(text, "yyyy-MM-dd", format, DateTimeStyles.None, out var day)
            ? day
            : throw new BenchFault($"'{text}' is no day like 2026-12-31");
    }
}
