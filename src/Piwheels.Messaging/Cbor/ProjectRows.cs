using System.Formats.Cbor;
using Piwheels.Core.Database;

namespace Piwheels.Messaging.Cbor;

/// <summary>What a package's pages show, on the master's own queues.</summary>
internal static class ProjectRows
{
    public static ProjectData ReadProject(WireReader reader)
    {
        reader.StartRecord("project");
        var project = new ProjectData(
            BuildStates.ReadPackage(reader),
            reader.Text("display name", WireLimits.TextLengthMax),
            reader.Text("description", WireLimits.LongTextLengthMax),
            reader.Text("skip reason", WireLimits.LongTextLengthMax),
            reader.List("aliases", WireLimits.RowsMax, static r => r.Text("alias", WireLimits.TextLengthMax)),
            reader.List("versions", WireLimits.RowsMax, ReadVersion),
            reader.Size("revision"));
        reader.EndRecord("project");
        return project;
    }

    public static void Write(this CborWriter writer, ProjectData project)
    {
        writer.WriteStartArray(7);
        writer.WriteTextString(project.Package.Value);
        writer.WriteTextString(project.DisplayName);
        writer.WriteTextString(project.Description);
        writer.WriteTextString(project.Skip);
        writer.WriteTexts(project.Aliases);
        writer.WriteList(project.Versions, static (w, version) => w.Write(version));
        writer.WriteInt64(project.Revision);
        writer.WriteEndArray();
    }

    public static ProjectVersionRow ReadVersionRow(WireReader reader)
    {
        reader.StartRecord("version");
        var row = new ProjectVersionRow(
            BuildStates.ReadVersion(reader),
            reader.Timestamp("released"),
            reader.Boolean("yanked"),
            reader.Text("skip reason", WireLimits.LongTextLengthMax),
            reader.List("targets", WireLimits.TargetsMax, ReadTarget));
        reader.EndRecord("version");
        return row;
    }

    public static void Write(this CborWriter writer, ProjectVersionRow row)
    {
        writer.WriteStartArray(5);
        writer.WriteTextString(row.Version);
        writer.WriteTimestamp(row.Released);
        writer.WriteBoolean(row.Yanked);
        writer.WriteTextString(row.Skip);
        writer.WriteList(row.Targets, static (w, target) => w.Write(target));
        writer.WriteEndArray();
    }

    public static ProjectFileRow ReadFileRow(WireReader reader)
    {
        reader.StartRecord("file of a version");
        var row = new ProjectFileRow(BuildStates.ReadVersion(reader), reader.Boolean("yanked"), ReadFile(reader));
        reader.EndRecord("file of a version");
        return row;
    }

    public static void Write(this CborWriter writer, ProjectFileRow row)
    {
        writer.WriteStartArray(3);
        writer.WriteTextString(row.Version);
        writer.WriteBoolean(row.Yanked);
        writer.Write(row.File);
        writer.WriteEndArray();
    }

    public static ProjectTarget ReadTarget(WireReader reader)
    {
        reader.StartRecord("target");
        var target = new ProjectTarget(
            BuildStates.ReadTarget(reader),
            ReadState(reader),
            reader.TryNull() ? null : reader.Size("build id"))
        {
            Failure = BuildStates.ReadFailure(reader),
            RetryAt = reader.TryNull() ? null : reader.Timestamp("retry"),
        };
        reader.EndRecord("target");
        return target;
    }

    public static void Write(this CborWriter writer, ProjectTarget target)
    {
        writer.WriteStartArray(5);
        writer.Write(target.Target);
        writer.WriteTextString(MemberNames.Of(target.State));
        writer.WriteNullableInteger(target.BuildId);
        writer.WriteFailure(target.Failure);
        writer.WriteNullableTimestamp(target.RetryAt);
        writer.WriteEndArray();
    }

    private static ProjectVersion ReadVersion(WireReader reader)
    {
        reader.StartRecord("version");
        var version = new ProjectVersion(
            BuildStates.ReadVersion(reader),
            reader.Timestamp("released"),
            reader.Boolean("yanked"),
            reader.Text("skip reason", WireLimits.LongTextLengthMax),
            reader.List("files", WireLimits.RowsMax, ReadFile),
            reader.List("targets", WireLimits.TargetsMax, ReadTarget))
        {
            Linked = reader.List("linked", WireLimits.RowsMax, UpstreamRows.ReadWheel),
        };
        reader.EndRecord("version");
        return version;
    }

    private static void Write(this CborWriter writer, ProjectVersion version)
    {
        writer.WriteStartArray(7);
        writer.WriteTextString(version.Version);
        writer.WriteTimestamp(version.Released);
        writer.WriteBoolean(version.Yanked);
        writer.WriteTextString(version.Skip);
        writer.WriteList(version.Files, static (w, file) => w.Write(file));
        writer.WriteList(version.Targets, static (w, target) => w.Write(target));
        writer.WriteList(version.Linked, static (w, wheel) => w.Write(wheel));
        writer.WriteEndArray();
    }

    private static ProjectFile ReadFile(WireReader reader)
    {
        reader.StartRecord("file");
        var file = new ProjectFile(
            reader.Text("file name", WireLimits.TextLengthMax),
            reader.Size("file size"),
            reader.Text("file hash", WireLimits.TextLengthMax),
            reader.Text("builder ABI", WireLimits.TextLengthMax),
            reader.Text("ABI tag", WireLimits.TextLengthMax),
            reader.Text("platform tag", WireLimits.TextLengthMax),
            reader.NullableText("requires-python", WireLimits.TextLengthMax),
            reader.Text("location", WireLimits.TextLengthMax),
            reader.Timestamp("built"),
            ReadDependencies(reader),
            ReadDependencies(reader));
        reader.EndRecord("file");
        return file;
    }

    private static void Write(this CborWriter writer, ProjectFile file)
    {
        writer.WriteStartArray(11);
        writer.WriteTextString(file.Filename);
        writer.WriteInt64(file.FileSize);
        writer.WriteTextString(file.FileHash);
        writer.WriteTextString(file.BuilderAbi);
        writer.WriteTextString(file.FileAbiTag);
        writer.WriteTextString(file.PlatformTag);
        writer.WriteNullableText(file.RequiresPython);
        writer.WriteTextString(file.Location);
        writer.WriteTimestamp(file.BuiltAt);
        writer.WriteTexts(file.AptDependencies);
        writer.WriteTexts(file.PipDependencies);
        writer.WriteEndArray();
    }

    private static List<string> ReadDependencies(WireReader reader) => reader.List(
        "dependencies", WireLimits.DependenciesMax, static r => r.Text("dependency", WireLimits.TextLengthMax));

    private static TargetState ReadState(WireReader reader) =>
        MemberNames.TryParse(reader.Text("state", WireLimits.NameLengthMax), out TargetState state)
            ? state
            : throw reader.Fail("state", "not one of a target");
}
