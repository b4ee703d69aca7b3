using System.CommandLine;
using Piwheels.Bench.Places;
using Piwheels.Core.Packaging;

namespace Piwheels.Bench.Measuring;

/// <summary>`measure`: how long the farm's questions and changes take on a generated database.</summary>
internal static class MeasureCommand
{
    private static readonly IMeasurement[] All =
    [
        new Recording("new-version", "A new version", Changes.NewVersionsAsync),
        new Recording(
            "new-version-of-many", "A new version of a package of a thousand", Changes.NewVersionsOfOneAsync,
            Changes.OwePagesOfOneAsync),
        new Recording("failed-build", "A failed build", Changes.FailuresAsync),
        new Recording("pure-build", "A build of a pure wheel", (f, n) => Changes.SuccessesAsync(f, n, "py3-none-any")),
        new Recording(
            "compiled-build", "A build of a wheel for one ABI",
            (f, n) => Changes.SuccessesAsync(f, n, "cp39-cp39-linux_armv7l")),
        new ConcurrentBuilds(),
        new DownloadsInBulk(),
        new VersionsInBulk(),
        .. Questions.All,
        new StatisticsUnfolded(),
        new SearchIndexAsked(),
        new SearchChangesAsked(),
        new TurnOfTheDay(),
        new NewTarget("new-platform", new Target("cp311", "linux_aarch64")),
        new NewTarget("new-abi", new Target("cp314", "linux_armv7l")),
        new PlainQueue(),
    ];

    public static Command Create()
    {
        var place = new DatabaseOptions();
        var only = new Option<string[]>("--only")
        {
            Description = $"Some measurements alone: {string.Join(", ", All.Select(m => m.Name))}",
            AllowMultipleArgumentsPerToken = true,
        };
        only.AcceptOnlyFromAmong([.. All.Select(m => m.Name)]);
        var full = new Option<bool>("--full") { Description = "Also what takes minutes at PyPI's size" };
        var rounds = new Option<int>("--rounds")
        {
            Description = "How often each thing is measured",
            DefaultValueFactory = static _ => 15,
        };
        var json = new Option<string?>("--json") { Description = "A file to write the figures to" };
        var command = new Command("measure", "Measures the farm on a generated database") { only, full, rounds, json };
        place.AddTo(command);
        command.SetAction(async (parsed, cancel) =>
        {
            await using var database = await place.OpenAsync(parsed, generating: false, cancel);
            await using var farm = new MeasuredFarm(database, Math.Max(1, parsed.GetValue(rounds)));
            var report = await MeasureAsync(
                farm, parsed.GetValue(only) ?? [], parsed.GetValue(full), cancel);
            Console.WriteLine();
            Console.Write(report.ToTable());
            if (parsed.GetValue(json) is { } file) await report.WriteAsync(file, cancel);
            return 0;
        });
        return command;
    }

    private static async Task<Report> MeasureAsync(
        MeasuredFarm farm, string[] only, bool full, CancellationToken cancel)
    {
        await farm.PrepareAsync();
        var figures = new List<Figure>();
        var chosen = All.Where(m => only.Length > 0 ? only.Contains(m.Name) : full || !m.TakesLong);
        foreach (var measurement in chosen)
        {
            cancel.ThrowIfCancellationRequested();
            try
            {
                var found = await measurement.MeasureAsync(farm, cancel);
                figures.AddRange(found);
                foreach (var figure in found) Console.WriteLine($"{measurement.Name}: {Report.Line(figure)}");
            }
            finally
            {
                await farm.TakeBackAsync();
            }
        }

        return new Report(await Circumstances.ReadAsync(farm.Place), figures);
    }
}
