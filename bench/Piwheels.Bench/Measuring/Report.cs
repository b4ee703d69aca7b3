using System.Globalization;
using System.Text;
using System.Text.Json;
using Piwheels.Bench.Places;

namespace Piwheels.Bench.Measuring;

/// <summary>All figures of a run, and what they were measured on.</summary>
internal sealed record Report(Circumstances On, IReadOnlyList<Figure> Figures)
{
    private static readonly JsonSerializerOptions Options = new() { WriteIndented = true };

    public static async Task<Report> ReadAsync(string file, CancellationToken cancel)
    {
        try
        {
            await using var stream = File.OpenRead(file);
            return await JsonSerializer.DeserializeAsync<Report>(stream, Options, cancel)
                ?? throw new BenchFault($"{file} holds nothing");
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            throw new BenchFault($"{file} cannot be read: {e.Message}");
        }
    }

    public async Task WriteAsync(string file, CancellationToken cancel)
    {
        await using var stream = File.Create(file);
        await JsonSerializer.SerializeAsync(stream, this, Options, cancel);
    }

    /// <summary>As a table in Markdown.</summary>
    public string ToTable()
    {
        var text = new StringBuilder();
        text.AppendLine($"{On}").AppendLine();
        text.AppendLine("| what | median | p10 to p90 | limit | times | goal | met |");
        text.AppendLine("| --- | ---: | ---: | ---: | ---: | ---: | --- |");
        foreach (var f in Figures)
        {
            var limit = f.Limit is { } least ? Value(f, least) : "";
            text.Append($"| {f.Name} | {Value(f)} | {Show.Number(f.P10)} to {Show.Number(f.P90)} ");
            text.AppendLine($"| {limit} | {Times(f)} | {f.Goal} | {Met(f)} |");
        }

        return text.ToString();
    }

    /// <summary>One figure in one line.</summary>
    public static string Line(Figure f) =>
        $"{f.Name}: {Value(f)} ({Show.Number(f.P10)} to {Show.Number(f.P90)})"
        + (f.Limit is { } limit ? $"; {f.LimitIs}: {Value(f, limit)}, {Times(f)} times" : "")
        + (f.Note is { } note ? $"; {note}" : "");

    /// <summary>The figure with its unit.</summary>
    public static string Value(Figure figure) => Value(figure, figure.Median);

    private static string Value(Figure figure, double value) =>
        figure.Unit == Figure.PerSecond ? $"{Show.Number(value)}/s" : $"{Show.Number(value)} {figure.Unit}";

    private static string Times(Figure figure) => figure.Times is { } times ? Show.Number(times) : "";

    private static string Met(Figure figure) => figure.Met switch { true => "yes", false => "**no**", null => "" };
}

/// <summary>What the figures were measured on.</summary>
internal sealed record Circumstances(
    DateTimeOffset At, string Processor, int Cores, double MemoryGigabytes, string Server, double Scale, string Rows)
{
    public static async Task<Circumstances> ReadAsync(BenchDatabase database)
    {
        var processor = File.ReadLines("/proc/cpuinfo")
            .FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal));
        var rows = await database.AskAsync<string>("""
            SELECT string_agg(
                format('%s %s', to_char(reltuples, 'FM999,999,999'), relname), ', ' ORDER BY reltuples DESC)
            FROM pg_class WHERE relname IN ('packages', 'versions', 'builds', 'files', 'dependencies', 'build_queue')
                AND relnamespace = 'public'::regnamespace
            """);
        return new Circumstances(
            TimeProvider.System.GetUtcNow(),
            processor?.Split(':')[1].Trim() ?? "unknown",
            Environment.ProcessorCount,
            Math.Round(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1e9),
            await database.AskAsync<string>(
                "SELECT 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1)"),
            await database.AskAsync<double>("SELECT scale FROM bench.facts"),
            rows);
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{At:yyyy-MM-dd}, {Processor}, {Cores} cores, {MemoryGigabytes} GB, {Server}, scale {Scale}: {Rows}");
}
