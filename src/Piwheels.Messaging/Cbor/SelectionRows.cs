using System.Formats.Cbor;
using Piwheels.Core.Database;

namespace Piwheels.Messaging.Cbor;

/// <summary>The selection's rows on the master's own queues.</summary>
internal static class SelectionRows
{
    public static SelectionEntry ReadEntry(WireReader reader)
    {
        reader.StartRecord("selection");
        var entry = new SelectionEntry(
            BuildStates.ReadPackage(reader),
            reader.Text("requirement", WireLimits.LongTextLengthMax),
            reader.Boolean("requested"),
            ReadState(reader),
            reader.NullableText("version", WireLimits.TextLengthMax),
            reader.Text("message", WireLimits.LongTextLengthMax));
        reader.EndRecord("selection");
        return entry;
    }

    public static void Write(this CborWriter writer, SelectionEntry entry)
    {
        writer.WriteStartArray(6);
        writer.WriteTextString(entry.Package.Value);
        writer.WriteTextString(entry.Requirement);
        writer.WriteBoolean(entry.Requested);
        writer.WriteTextString(NameOf(entry.State));
        writer.WriteNullableText(entry.Version);
        writer.WriteTextString(entry.Message);
        writer.WriteEndArray();
    }

    public static UnexaminedFile ReadUnexamined(WireReader reader)
    {
        reader.StartRecord("file");
        var file = new UnexaminedFile(
            reader.Size("build id"),
            BuildStates.ReadPackage(reader),
            reader.Text("file name", WireLimits.TextLengthMax));
        reader.EndRecord("file");
        return file;
    }

    public static void Write(this CborWriter writer, UnexaminedFile file)
    {
        writer.WriteStartArray(3);
        writer.WriteInt64(file.BuildId);
        writer.WriteTextString(file.Package.Value);
        writer.WriteTextString(file.Filename);
        writer.WriteEndArray();
    }

    public static SelectionStatus ReadStatus(WireReader reader)
    {
        reader.StartRecord("selection status");
        var status = new SelectionStatus(
            reader.Boolean("settled"),
            reader.List("packages", WireLimits.RowsMax, ReadProgress));
        reader.EndRecord("selection status");
        return status;
    }

    public static void Write(this CborWriter writer, SelectionStatus status)
    {
        writer.WriteStartArray(2);
        writer.WriteBoolean(status.Settled);
        writer.WriteList(status.Packages, static (w, progress) =>
        {
            w.WriteStartArray(2);
            w.Write(progress.Entry);
            w.WriteList(progress.Targets, static (t, target) => t.Write(target));
            w.WriteEndArray();
        });
        writer.WriteEndArray();
    }

    private static SelectionProgress ReadProgress(WireReader reader)
    {
        reader.StartRecord("progress");
        var progress = new SelectionProgress(
            ReadEntry(reader), reader.List("targets", WireLimits.TargetsMax, ProjectRows.ReadTarget));
        reader.EndRecord("progress");
        return progress;
    }

    private static string NameOf(SelectionState state) => state switch
    {
        SelectionState.New => "NEW",
        SelectionState.Resolved => "RESOLVED",
        SelectionState.Unknown => "UNKNOWN",
        _ => "UNMATCHED",
    };

    private static SelectionState ReadState(WireReader reader) =>
        reader.Text("state", WireLimits.NameLengthMax) switch
        {
            "NEW" => SelectionState.New,
            "RESOLVED" => SelectionState.Resolved,
            "UNKNOWN" => SelectionState.Unknown,
            "UNMATCHED" => SelectionState.Unmatched,
            _ => throw reader.Fail("state", "not one of a selection"),
        };
}
