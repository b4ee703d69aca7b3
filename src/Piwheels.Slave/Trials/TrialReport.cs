using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Piwheels.Slave.Trials;

/// <summary>Something that happened while modules were imported, as trial.py writes it. What is not said is null.</summary>
/// <param name="Event">load, loaded, fault (of a module in machine code); raised (by an import); end.</param>
/// <param name="File">load, loaded: the module's path in the environment. fault, raised: that which the error names.</param>
/// <param name="Loading">fault: the path of the module that was being loaded.</param>
/// <param name="Module">raised: its name.</param>
/// <param name="Error">The name of the error's type.</param>
/// <param name="Kind">ImportError or OSError where it is one.</param>
/// <param name="Text">What the error says, paths in the environment without that.</param>
internal sealed record TrialEvent(
    string Event, string? File, string? Loading, string? Module, string? Error, string? Kind, string? Text);

/// <summary>
/// What was written down while a wheel was imported. The package's code ran in the process that wrote it, so it may say
/// anything; it is about that package alone.
/// </summary>
internal sealed class TrialReport
{
    /// <summary>The longest report, in bytes; what comes after it is not read.</summary>
    public const int BytesMax = 1 << 20;

    private TrialReport(IReadOnlyList<TrialEvent> events) => Events = events;

    public IReadOnlyList<TrialEvent> Events { get; }

    public bool HasEnd => Events.Any(each => each.Event == "end");

    /// <summary>The modules in machine code that were being loaded in the end, the innermost last.</summary>
    public IReadOnlyList<string> Loading
    {
        get
        {
            var loading = new List<string>();
            foreach (var each in Events)
            {
                if (each.Event == "load" && each.File is not null) loading.Add(each.File);
                else if (each.Event == "loaded" && loading.Count > 0) loading.RemoveAt(loading.Count - 1);
            }

            return loading;
        }
    }

    /// <summary>Reads a report; one that is not there, or is something else than a file, says nothing.</summary>
    public static TrialReport Read(string path)
    {
        try
        {
            // A link may lead anywhere, and a pipe, which has no length, would wait for ever
            if (new FileInfo(path) is not { Exists: true, LinkTarget: null, Length: > 0 }) return Parse([]);
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            var bytes = new byte[(int)Math.Min(stream.Length, BytesMax)];
            return Parse(bytes.AsSpan(0, stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Parse([]);
        }
    }

    /// <summary>Reads the lines; those that are none of ours are passed over.</summary>
    public static TrialReport Parse(ReadOnlySpan<byte> bytes)
    {
        var events = new List<TrialEvent>();
        foreach (var line in Encoding.UTF8.GetString(bytes).Split('\n'))
        {
            try
            {
                if (line.Length == 0) continue;
                if (JsonSerializer.Deserialize(line, TrialJson.Default.TrialEvent) is { Event: not null } each) events.Add(each);
            }
            catch (JsonException)
            {
                // Cut by a crash, or not ours
            }
        }

        return new TrialReport(events);
    }
}

[JsonSerializable(typeof(TrialEvent))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
internal sealed partial class TrialJson : JsonSerializerContext;
