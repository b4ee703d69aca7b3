using System.Diagnostics;
using System.Reflection;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>What makes and measures large databases keeps up with the schema.</summary>
public sealed class BenchTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(4);

    private readonly string _folder = Directory.CreateTempSubdirectory("piw-bench-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task All_is_equal_in_a_generated_database_and_again_after_everything_was_measured_on_it()
    {
        await RunAsync("generate", "--scale", "0.001", "--data", _folder);
        Assert.Contains("All is equal.", await RunAsync("check", "--data", _folder), StringComparison.Ordinal);
        var json = Path.Combine(_folder, "figures.json");
        var table = await RunAsync("measure", "--full", "--rounds", "1", "--data", _folder, "--json", json);
        Assert.Contains("| A failed build |", table, StringComparison.Ordinal);
        var pages = await RunAsync(
            "pages", "--data", _folder, "--packages", "50", "--names", "1000", "--rounds", "1", "--output", _folder);
        Assert.Contains("Packages written, all pages of", pages, StringComparison.Ordinal);
        Assert.Contains("All is equal.", await RunAsync("check", "--data", _folder), StringComparison.Ordinal);
        Assert.Contains("| A failed build |", await RunAsync("growth", json, json), StringComparison.Ordinal);
    }

    /// <summary>What it printed, once it has ended well.</summary>
    private static async Task<string> RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo(Program(), arguments)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            var errors = await process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            var said = await output;
            Assert.True(process.ExitCode == 0, $"{arguments[0]} ended with {process.ExitCode}: {said}{errors}");
            return said;
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }

    /// <summary>The bench of the same build as these tests.</summary>
    private static string Program() => typeof(BenchTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(a => a.Key == "BenchProgram").Value!;
}
