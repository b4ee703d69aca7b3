using System.Text.Json;
using System.Text.Json.Serialization;
using Piwheels.Logger.Reading;

namespace Piwheels.Logger;

/// <summary>
/// Where a logger stands, as it is kept in a file: how far the master has been told of each log, and which batches are on
/// their way. A batch is written down before it is sent; so after any end it is made again from the same lines with the same
/// number, and the database knows it if it has it already.
/// </summary>
internal sealed record LoggerState(IReadOnlyList<StateFile> Files, IReadOnlyList<StateBatch> Batches)
{
    /// <summary>Of this form of the file.</summary>
    public const int ThisVersion = 1;

    public static readonly LoggerState Empty = new([], []);

    public int Version { get; init; } = ThisVersion;

    /// <summary>Reads it; empty where there is no such file.</summary>
    /// <exception cref="LoggerException">It cannot be read, or is something else.</exception>
    public static LoggerState Read(string path)
    {
        try
        {
            if (!File.Exists(path)) return Empty;
            var state = JsonSerializer.Deserialize(File.ReadAllBytes(path), StateJson.Default.LoggerState);
            if (state is not { Version: ThisVersion, Files: not null, Batches: not null } || !state.IsSound)
                throw new LoggerException($"{path} is no state of a logger; remove it to begin anew");
            return state;
        }
        catch (JsonException fault)
        {
            throw new LoggerException($"{path} is no state of a logger; remove it to begin anew", fault);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new LoggerException($"the state cannot be read: {fault.Message}", fault);
        }
    }

    /// <summary>Writes it as a whole.</summary>
    /// <exception cref="LoggerException">It cannot be written.</exception>
    public void Write(string path)
    {
        var temporary = path + ".new";
        try
        {
            File.WriteAllBytes(temporary, JsonSerializer.SerializeToUtf8Bytes(this, StateJson.Default.LoggerState));
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new LoggerException($"the state cannot be written: {fault.Message}", fault);
        }
    }

    private bool IsSound =>
        Files.All(static file => file is { Name: not null, Hash: not null, Place: >= 0, HeadLength: >= 0 and <= FileHead.LengthMax })
        && Batches.All(batch => batch.Ends is not null && batch.Ends.All(end => end is { Place: >= 0, File: >= 0 } && end.File < Files.Count));
}

/// <summary>A log that is read, and up to where the master has been told of it.</summary>
internal sealed record StateFile(string Name, int HeadLength, string Hash, long Place);

/// <summary>A batch on its way: up to where it goes in the files, by their places in the list.</summary>
internal sealed record StateBatch(Guid Request, IReadOnlyList<StateEnd> Ends);

internal sealed record StateEnd(int File, long Place);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(LoggerState))]
internal sealed partial class StateJson : JsonSerializerContext;

/// <summary>The logger cannot go on; the text says why in one line.</summary>
public sealed class LoggerException(string message, Exception? inner = null) : Exception(message, inner);
