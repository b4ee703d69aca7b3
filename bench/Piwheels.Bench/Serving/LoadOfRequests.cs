using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Piwheels.Bench.Serving;

/// <summary>What a turn of load came to.</summary>
/// <param name="Slow">The time that 99 of 100 requests were answered within.</param>
/// <param name="ProcessorTime">The server's.</param>
internal sealed record Turn(double PerSecond, TimeSpan Slow, long Requests, TimeSpan ProcessorTime);

/// <summary>Load by wrk: so many connections, each of which asks again as soon as it is answered.</summary>
internal sealed partial class LoadOfRequests(int connections, int seconds)
{
    public async Task<Turn> RunAsync(ServerUnderLoad server, string path, string[] headers, CancellationToken cancel)
    {
        var before = server.ProcessorTime;
        string[] options =
        [
            "-t1", $"-c{connections}", $"-d{seconds}s", "--latency", .. headers.SelectMany(header => (string[])["-H", header]),
            $"http://127.0.0.1:{server.Port}{path}",
        ];
        var start = new ProcessStartInfo("wrk", options) { UseShellExecute = false, RedirectStandardOutput = true };
        using var wrk = Process.Start(start)!;
        var output = await wrk.StandardOutput.ReadToEndAsync(cancel);
        await wrk.WaitForExitAsync(cancel);
        if (wrk.ExitCode != 0 || output.Contains("Non-2xx", StringComparison.Ordinal))
            throw new BenchFault($"{server.Name} did not answer as it should:\n{output}");
        return new Turn(
            Number(PerSecond().Match(output).Groups[1].Value), Time(Slow().Match(output)),
            (long)Number(Requests().Match(output).Groups[1].Value), server.ProcessorTime - before);
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    private static TimeSpan Time(Match match) => match.Groups[2].Value switch
    {
        "us" => TimeSpan.FromMicroseconds(Number(match.Groups[1].Value)),
        "ms" => TimeSpan.FromMilliseconds(Number(match.Groups[1].Value)),
        _ => TimeSpan.FromSeconds(Number(match.Groups[1].Value)),
    };

    [GeneratedRegex(@"Requests/sec:\s+([\d.]+)")]
    private static partial Regex PerSecond();

    [GeneratedRegex(@"99%\s+([\d.]+)(us|ms|s)")]
    private static partial Regex Slow();

    [GeneratedRegex(@"(\d+) requests in ")]
    private static partial Regex Requests();
}
