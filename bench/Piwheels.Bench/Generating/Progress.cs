using System.Diagnostics;
using System.Globalization;

namespace Piwheels.Bench.Generating;

/// <summary>Says what was done and how long it took, a line each; what takes no time is not worth one.</summary>
internal sealed class Progress
{
    private static readonly TimeSpan NamedFrom = TimeSpan.FromSeconds(0.1);

    private readonly long _began = Stopwatch.GetTimestamp();

    public async Task StepAsync(string name, Func<Task> work)
    {
        var began = Stopwatch.GetTimestamp();
        await work();
        var took = Stopwatch.GetElapsedTime(began);
        if (took < NamedFrom) return;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{Stopwatch.GetElapsedTime(_began).TotalSeconds,7:0.0} s  {name} ({took.TotalSeconds:0.0} s)"));
    }
}
