using System.CommandLine;
using Piwheels.Bench.Measuring;
using Piwheels.Bench.Places;

namespace Piwheels.Bench.Publishing;

/// <summary>`pages`: what writing the published pages takes, against writing the same bytes raw in the same run.</summary>
internal static class PagesCommand
{
    public static Command Create()
    {
        var place = new DatabaseOptions();
        var names = new Option<int>("--names")
        {
            Description = "How many packages the lists of all have",
            DefaultValueFactory = static _ => 740_000,
        };
        var packages = new Option<int>("--packages")
        {
            Description = "How many packages of the generated database are written, at most",
            DefaultValueFactory = static _ => 100_000,
        };
        var rounds = new Option<int>("--rounds")
        {
            Description = "How often each thing is measured",
            DefaultValueFactory = static _ => 15,
        };
        var output = new Option<string>("--output")
        {
            Description = "Where the pages go, and are taken away again",
            DefaultValueFactory = static _ => "/var/tmp",
        };
        var command = new Command(
            "pages", "Measures writing pages: of packages, of the lists of all, and of a whole farm with --data or --dsn")
        {
            names, packages, rounds, output,
        };
        place.AddTo(command);
        command.SetAction(async (parsed, cancel) =>
        {
            var folder = Directory.CreateDirectory(
                Path.Combine(parsed.GetValue(output)!, $"bench-pages-{Guid.NewGuid():n}")).FullName;
            try
            {
                var count = Math.Max(1, parsed.GetValue(rounds));
                Print(await PackagePages.MeasureAsync(folder, count));
                Print(await WholeLists.MeasureAsync(folder, parsed.GetValue(names), count));
                if (!place.IsGiven(parsed)) return 0;
                await using var database = await place.OpenAsync(parsed, generating: false, cancel);
                Print(await new WholeFarm(database, folder).MeasureAsync(parsed.GetValue(packages), cancel));
                return 0;
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        });
        return command;
    }

    private static void Print(IEnumerable<Figure> figures)
    {
        foreach (var figure in figures) Console.WriteLine(Report.Line(figure));
    }
}
