using System.CommandLine;

namespace Piwheels.Bench.Measuring;

/// <summary>`growth`: figures at one size beside those at another.</summary>
internal static class GrowthCommand
{
    /// <summary>What does not depend on the size may still be this much worse: trees are a level higher.</summary>
    private const double GrowthMax = 1.5;

    public static Command Create()
    {
        var small = new Argument<string>("SMALL") { Description = "What 'measure --json' wrote at the smaller size" };
        var large = new Argument<string>("LARGE") { Description = "The same at the larger size" };
        var command = new Command("growth", "Compares the figures at two sizes") { small, large };
        command.SetAction(async (parsed, cancel) =>
        {
            var before = await Report.ReadAsync(parsed.GetRequiredValue(small), cancel);
            var after = await Report.ReadAsync(parsed.GetRequiredValue(large), cancel);
            return Compare(before, after) ? 0 : 1;
        });
        return command;
    }

    private static bool Compare(Report before, Report after)
    {
        Console.WriteLine($"{before.On}\n{after.On}\n");
        Console.WriteLine("| what | small | large | times worse | may grow | fine |");
        Console.WriteLine("| --- | ---: | ---: | ---: | --- | --- |");
        var fine = true;
        foreach (var large in after.Figures)
        {
            if (before.Figures.FirstOrDefault(f => f.Name == large.Name) is not { } small) continue;
            var growth = large.Unit == Figure.PerSecond ? small.Median / large.Median : large.Median / small.Median;
            var isFine = large.MayGrow || growth <= GrowthMax;
            fine &= isFine;
            Console.Write($"| {large.Name} | {Report.Value(small)} | {Report.Value(large)} | {Show.Number(growth)} ");
            Console.WriteLine($"| {(large.MayGrow ? "yes" : "")} | {(isFine ? "yes" : "**no**")} |");
        }

        return fine;
    }
}
