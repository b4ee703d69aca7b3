using System.Formats.Cbor;
using Piwheels.Core.Database;

namespace Piwheels.Messaging.Cbor;

/// <summary>The selection's rows on the master's own queues.</summary>
internal static class SelectionRows
{
    public static Selection ReadSelection(WireReader reader)
    {
        reader.StartRecord("selection");
        var selection = new Selection(
            reader.Size("revision"),
            reader.List("requests", WireLimits.RowsMax, ReadRequest),
            reader.List("constraints", WireLimits.RowsMax, ReadConstraint),
            reader.List("entries", WireLimits.RowsMax, ReadEntry));
        reader.EndRecord("selection");
        return selection;
    }

    public static void Write(this CborWriter writer, Selection selection)
    {
        writer.WriteStartArray(4);
        writer.WriteInt64(selection.Revision);
        writer.WriteList(selection.Requests, Write);
        writer.WriteList(selection.Constraints, Write);
        writer.WriteList(selection.Entries, static (w, entry) => w.Write(entry));
        writer.WriteEndArray();
    }

    public static SelectionEntry ReadEntry(WireReader reader)
    {
        reader.StartRecord("entry");
        var entry = new SelectionEntry(
            BuildStates.ReadPackage(reader),
            ReadState(reader),
            reader.Text("message", WireLimits.LongTextLengthMax),
            reader.List("versions", WireLimits.RowsMax, ReadVersion),
            reader.List("needs", WireLimits.RowsMax, ReadNeed));
        reader.EndRecord("entry");
        return entry;
    }

    public static void Write(this CborWriter writer, SelectionEntry entry)
    {
        writer.WriteStartArray(5);
        writer.WriteTextString(entry.Package.Value);
        writer.WriteTextString(MemberNames.Of(entry.State));
        writer.WriteTextString(entry.Message);
        writer.WriteList(entry.Versions, static (w, version) =>
        {
            w.WriteStartArray(2);
            w.WriteTextString(version.Version);
            w.WriteBoolean(version.Urgent);
            w.WriteEndArray();
        });
        writer.WriteList(entry.Needs, static (w, need) =>
        {
            w.WriteStartArray(2);
            w.WriteTextString(need.Package.Value);
            w.WriteTextString(need.Requirement);
            w.WriteEndArray();
        });
        writer.WriteEndArray();
    }

    public static UnexaminedFile ReadUnexamined(WireReader reader)
    {
        reader.StartRecord("file");
        var file = new UnexaminedFile(
            reader.Size("build id"),
            BuildStates.ReadRelease(reader),
            reader.Text("file name", WireLimits.TextLengthMax));
        reader.EndRecord("file");
        return file;
    }

    public static void Write(this CborWriter writer, UnexaminedFile file)
    {
        writer.WriteStartArray(3);
        writer.WriteInt64(file.BuildId);
        writer.Write(file.Release);
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
            w.WriteStartArray(4);
            w.WriteTextString(progress.Package.Value);
            w.WriteTextString(MemberNames.Of(progress.State));
            w.WriteTextString(progress.Message);
            w.WriteList(progress.Releases, static (r, release) =>
            {
                r.WriteStartArray(2);
                r.WriteTextString(release.Version);
                r.WriteList(release.Targets, static (t, target) => t.Write(target));
                r.WriteEndArray();
            });
            w.WriteEndArray();
        });
        writer.WriteEndArray();
    }

    public static NameLists ReadNames(WireReader reader)
    {
        reader.StartRecord("names");
        var lists = new NameLists(
            reader.List("only", WireLimits.RowsMax, ReadPattern), reader.List("never", WireLimits.RowsMax, ReadPattern));
        reader.EndRecord("names");
        return lists;
    }

    public static void Write(this CborWriter writer, NameLists lists)
    {
        writer.WriteStartArray(2);
        writer.WriteTexts(lists.Only);
        writer.WriteTexts(lists.Never);
        writer.WriteEndArray();
    }

    private static string ReadPattern(WireReader reader) => reader.Text("pattern", WireLimits.TextLengthMax);

    private static SelectionRequest ReadRequest(WireReader reader)
    {
        reader.StartRecord("request");
        var request = new SelectionRequest(
            ReadOrigin(reader),
            BuildStates.ReadPackage(reader),
            reader.Text("requirement", WireLimits.LongTextLengthMax),
            reader.Boolean("all versions"));
        reader.EndRecord("request");
        return request;
    }

    private static void Write(CborWriter writer, SelectionRequest request)
    {
        writer.WriteStartArray(4);
        writer.WriteTextString(MemberNames.Of(request.Origin));
        writer.WriteTextString(request.Package.Value);
        writer.WriteTextString(request.Requirement);
        writer.WriteBoolean(request.AllVersions);
        writer.WriteEndArray();
    }

    private static SelectionConstraint ReadConstraint(WireReader reader)
    {
        reader.StartRecord("constraint");
        var constraint = new SelectionConstraint(
            ReadOrigin(reader),
            BuildStates.ReadPackage(reader),
            reader.Text("requirement", WireLimits.LongTextLengthMax));
        reader.EndRecord("constraint");
        return constraint;
    }

    private static void Write(CborWriter writer, SelectionConstraint constraint)
    {
        writer.WriteStartArray(3);
        writer.WriteTextString(MemberNames.Of(constraint.Origin));
        writer.WriteTextString(constraint.Package.Value);
        writer.WriteTextString(constraint.Requirement);
        writer.WriteEndArray();
    }

    private static SelectionVersion ReadVersion(WireReader reader)
    {
        reader.StartRecord("version");
        var version = new SelectionVersion(
            reader.Text("version", WireLimits.TextLengthMax), reader.Boolean("urgent"));
        reader.EndRecord("version");
        return version;
    }

    private static SelectionNeed ReadNeed(WireReader reader)
    {
        reader.StartRecord("need");
        var need = new SelectionNeed(
            BuildStates.ReadPackage(reader), reader.Text("requirement", WireLimits.LongTextLengthMax));
        reader.EndRecord("need");
        return need;
    }

    private static SelectionProgress ReadProgress(WireReader reader)
    {
        reader.StartRecord("progress");
        var progress = new SelectionProgress(
            BuildStates.ReadPackage(reader),
            ReadState(reader),
            reader.Text("message", WireLimits.LongTextLengthMax),
            reader.List("releases", WireLimits.RowsMax, ReadRelease));
        reader.EndRecord("progress");
        return progress;
    }

    private static ReleaseProgress ReadRelease(WireReader reader)
    {
        reader.StartRecord("release");
        var release = new ReleaseProgress(
            reader.Text("version", WireLimits.TextLengthMax),
            reader.List("targets", WireLimits.TargetsMax, ProjectRows.ReadTarget));
        reader.EndRecord("release");
        return release;
    }

    private static SelectionState ReadState(WireReader reader) =>
        MemberNames.TryParse(reader.Text("state", WireLimits.NameLengthMax), out SelectionState state)
            ? state
            : throw reader.Fail("state", "not one of a selection");

    private static SelectionOrigin ReadOrigin(WireReader reader) =>
        MemberNames.TryParse(reader.Text("origin", WireLimits.NameLengthMax), out SelectionOrigin origin)
            ? origin
            : throw reader.Fail("origin", "not one of a selection");
}
