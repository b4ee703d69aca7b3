using System.Diagnostics;

namespace Piwheels.Bench.Measuring;

/// <summary>
/// Measures two things in turns, so that whatever else the machine does meanwhile meets both alike. The first turn of
/// each is not counted.
/// </summary>
internal static class Rounds
{
    /// <param name="count">Rounds that count.</param>
    /// <param name="subject">Does the work of a round; they are numbered from 0 to <paramref name="count"/>.</param>
    /// <param name="limit">The same for what it is held against.</param>
    /// <returns>Milliseconds of each round.</returns>
    public static async Task<(List<double> Subject, List<double> Limit)> AlternateAsync(
        int count, Func<int, Task> subject, Func<int, Task> limit)
    {
        var subjects = new List<double>();
        var limits = new List<double>();
        for (var round = 0; round <= count; round++)
        {
            if (round % 2 == 0) subjects.Add(await TimeAsync(() => subject(round)));
            limits.Add(await TimeAsync(() => limit(round)));
            if (round % 2 == 1) subjects.Add(await TimeAsync(() => subject(round)));
        }

        return (subjects[1..], limits[1..]);
    }

    /// <summary>One thing alone; milliseconds of each round.</summary>
    public static async Task<List<double>> RepeatAsync(int count, Func<int, Task> subject)
    {
        var times = new List<double>();
        for (var round = 0; round <= count; round++) times.Add(await TimeAsync(() => subject(round)));
        return times[1..];
    }

    /// <summary>Milliseconds that the work took.</summary>
    public static async Task<double> TimeAsync(Func<Task> work)
    {
        var began = Stopwatch.GetTimestamp();
        await work();
        return Stopwatch.GetElapsedTime(began).TotalMilliseconds;
    }
}
