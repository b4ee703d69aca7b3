using System.CommandLine;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace Piwheels.Bench.Functions;

/// <summary>`functions`: single functions, without a database, by BenchmarkDotNet.</summary>
internal static class FunctionsCommand
{
    private const int WarmUps = 3;
    private const int Iterations = 15;

    public static Command Create()
    {
        var filter = new Option<string>("--filter")
        {
            Description = "Which ones, like *Upstream* or *Read_a_version*",
            DefaultValueFactory = static _ => "*",
        };
        var once = new Option<bool>("--once") { Description = "Runs each a single time, to see that it works" };
        var command = new Command("functions", "Measures single functions, without a database") { filter, once };
        command.SetAction(parsed =>
        {
            // In this process: a project made beside ours for each run would be built by this repository's rules
            var runs = parsed.GetValue(once)
                ? Job.Dry
                : Job.Default.WithWarmupCount(WarmUps).WithIterationCount(Iterations);
            var configuration = ManualConfig.Create(DefaultConfig.Instance)
                .AddJob(runs.WithToolchain(InProcessEmitToolchain.Instance))
                .WithOptions(ConfigOptions.JoinSummary)
                .WithArtifactsPath(Path.Combine("artifacts", "functions"));
            var summaries = BenchmarkSwitcher.FromAssembly(typeof(FunctionsCommand).Assembly)
                .Run(["--filter", parsed.GetValue(filter)!], configuration);
            return summaries.Any(s => s.HasCriticalValidationErrors || s.Reports.Any(r => !r.Success)) ? 1 : 0;
        });
        return command;
    }
}
