using System.CommandLine;
using System.Globalization;
using Piwheels.Bench.Places;

namespace Piwheels.Bench.Serving;

/// <summary>`web`: how much `piw web` serves, beside nginx as it is configured here, on the same files, by turns.</summary>
internal static class WebCommand
{
    private const double Wanted = 0.7;
    private const string Pip =
        "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01";

    /// <summary>What is asked for, by its name.</summary>
    private static readonly (string Name, string Path, string[] Headers)[] Asked =
    [
        ("simple page", "/simple/sample/", []),
        ("the same as pip asks for it", "/simple/sample/", ["Accept: " + Pip, "Accept-Encoding: gzip, deflate"]),
        ("wheel of 5 MB", ServedFiles.WheelPath, []),
    ];

    public static Command Create()
    {
        var data = new Option<string>("--data") { Required = true, Description = "A folder for the files, made and kept" };
        var piw = new Option<string>("--piw") { DefaultValueFactory = _ => DefaultProgram(), Description = "The program" };
        var connections = new Option<int>("--connections") { DefaultValueFactory = _ => 32, Description = "At a time" };
        var seconds = new Option<int>("--seconds") { DefaultValueFactory = _ => 10, Description = "How long a turn is" };
        var rounds = new Option<int>("--rounds") { DefaultValueFactory = _ => 5, Description = "Turns of each" };
        var command = new Command("web", "Measures the web server beside nginx, by wrk")
        {
            data, piw, connections, seconds, rounds,
        };
        command.SetAction(async (parsed, cancel) =>
        {
            var folder = Path.GetFullPath(parsed.GetValue(data)!);
            await Unprivileged.CreateFolderAsync(folder, cancel);
            var site = await ServedFiles.MakeAsync(folder, cancel);
            await using var own = await ServerUnderLoad.StartPiwAsync(parsed.GetValue(piw)!, folder, site, cancel);
            await using var nginx = await ServerUnderLoad.StartNginxAsync(folder, site, cancel);
            var load = new LoadOfRequests(parsed.GetValue(connections), parsed.GetValue(seconds));
            Console.WriteLine("| what | server | requests/s | of nginx | p99 ms | processor µs a request |");
            Console.WriteLine("| --- | --- | --- | --- | --- | --- |");
            foreach (var (name, path, headers) in Asked)
                await CompareAsync(name, [nginx, own], path, headers, load, parsed.GetValue(rounds), cancel);
            Console.WriteLine($"memory: {nginx.Name} {nginx.Megabytes} MB, {own.Name} {own.Megabytes} MB");
            return 0;
        });
        return command;
    }

    private static async Task CompareAsync(
        string name, ServerUnderLoad[] servers, string path, string[] headers, LoadOfRequests load, int rounds,
        CancellationToken cancel)
    {
        var turns = servers.ToDictionary(server => server, _ => new List<Turn>());
        // The first turn of each is to warm up
        for (var round = 0; round <= rounds; round++)
        {
            foreach (var server in servers)
            {
                var turn = await load.RunAsync(server, path, headers, cancel);
                if (round > 0) turns[server].Add(turn);
            }
        }

        // Each turn beside the one before it: whatever else the machine does concerns both
        var ratio = Median(turns[servers[1]].Zip(turns[servers[0]], static (own, other) => own.PerSecond / other.PerSecond));
        foreach (var server in servers)
        {
            var of = server == servers[0] ? "" : $"{ratio:P0}{(ratio < Wanted ? $" (wanted: {Wanted:P0})" : "")}";
            var rates = turns[server].ConvertAll(turn => turn.PerSecond);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {name} | {server.Name} | {Median(rates):N0} ({rates.Min():N0} to {rates.Max():N0}) | {of} "
                + $"| {Median(turns[server].Select(turn => turn.Slow.TotalMilliseconds)):N1} "
                + $"| {Median(turns[server].Select(turn => turn.ProcessorTime.TotalMicroseconds / turn.Requests)):N1} |"));
        }
    }

    private static double Median(IEnumerable<double> values)
    {
        var ordered = values.Order().ToList();
        return (ordered[(ordered.Count - 1) / 2] + ordered[ordered.Count / 2]) / 2;
    }

    private static string DefaultProgram() =>
        Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../../../src/Piwheels.Cli/bin/Release/net10.0/piw"));
}
