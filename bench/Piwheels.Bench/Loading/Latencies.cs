using System.Diagnostics;
using Piwheels.Bench.Measuring;

namespace Piwheels.Bench.Loading;

/// <summary>How long answers took; from any thread.</summary>
internal sealed class Latencies
{
    private readonly Lock _lock = new();
    private List<double> _milliseconds = [];

    public int Count
    {
        get
        {
            lock (_lock) return _milliseconds.Count;
        }
    }

    public void Add(long began)
    {
        var took = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        lock (_lock) _milliseconds.Add(took);
    }

    /// <summary>All so far in their order of size; then it is empty again.</summary>
    public List<double> Take()
    {
        lock (_lock)
        {
            var taken = _milliseconds;
            _milliseconds = [];
            taken.Sort();
            return taken;
        }
    }

    public static string Describe(List<double> sorted) => sorted.Count == 0
        ? "none"
        : $"half within {Show.Number(Spread.At(sorted, 0.5))} ms, 99 % within {Show.Number(Spread.At(sorted, 0.99))}, "
            + $"99.9 % within {Show.Number(Spread.At(sorted, 0.999))}, the longest {Show.Number(sorted[^1])}, of {sorted.Count:N0}";
}
