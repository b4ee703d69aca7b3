using System.Formats.Cbor;
using Piwheels.Core.Database;

namespace Piwheels.Messaging.Cbor;

/// <summary>Rows of the database on the master's own queues.</summary>
internal static class DatabaseRows
{
    private const string Project = "PROJECT";
    private const string Both = "BOTH";

    public static string NameOf(RewriteCommand command) => command == RewriteCommand.Both ? Both : Project;

    public static RewriteCommand ReadCommand(WireReader reader) =>
        reader.Text("command", WireLimits.NameLengthMax) switch
        {
            Project => RewriteCommand.Project,
            Both => RewriteCommand.Both,
            _ => throw reader.Fail("command", "not PROJECT or BOTH"),
        };

    public static RewritePending ReadRewrite(WireReader reader)
    {
        reader.StartRecord("rewrite");
        var rewrite = new RewritePending(
            BuildStates.ReadPackage(reader), reader.Timestamp("added"), ReadCommand(reader));
        reader.EndRecord("rewrite");
        return rewrite;
    }

    public static void Write(this CborWriter writer, RewritePending rewrite)
    {
        writer.WriteStartArray(3);
        writer.WriteTextString(rewrite.Package.Value);
        writer.WriteTimestamp(rewrite.AddedAt);
        writer.WriteTextString(NameOf(rewrite.Command));
        writer.WriteEndArray();
    }

    public static TargetRow ReadTargetRow(WireReader reader)
    {
        reader.StartRecord("target");
        var row = new TargetRow(
            BuildStates.ReadTarget(reader), reader.Text("skip reason", WireLimits.LongTextLengthMax));
        reader.EndRecord("target");
        return row;
    }

    public static void Write(this CborWriter writer, TargetRow row)
    {
        writer.WriteStartArray(2);
        writer.Write(row.Target);
        writer.WriteTextString(row.Skip);
        writer.WriteEndArray();
    }

    public static FarmStatistics ReadStatistics(WireReader reader)
    {
        reader.StartRecord("statistics");
        var statistics = new FarmStatistics(
            PackagesBuilt: reader.Size("packages built"),
            FilesCount: reader.Size("files"),
            BuildsTime: reader.Duration("builds time"),
            BuildsSize: reader.Size("builds size"),
            NewLastHour: reader.Size("new last hour"),
            DownloadsLastHour: reader.Size("downloads last hour"),
            DownloadsLastMonth: reader.Size("downloads last month"),
            DownloadsAll: reader.Size("downloads"),
            BuildsLastHour: MachineStates.ReadCountsByAbi(reader, "builds last hour"));
        reader.EndRecord("statistics");
        return statistics;
    }

    public static void Write(this CborWriter writer, FarmStatistics statistics)
    {
        writer.WriteStartArray(9);
        writer.WriteInt64(statistics.PackagesBuilt);
        writer.WriteInt64(statistics.FilesCount);
        writer.WriteDuration(statistics.BuildsTime);
        writer.WriteInt64(statistics.BuildsSize);
        writer.WriteInt64(statistics.NewLastHour);
        writer.WriteInt64(statistics.DownloadsLastHour);
        writer.WriteInt64(statistics.DownloadsLastMonth);
        writer.WriteInt64(statistics.DownloadsAll);
        writer.WriteCountsByAbi(statistics.BuildsLastHour);
        writer.WriteEndArray();
    }
}
