using System.Formats.Cbor;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

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
            BuildStates.ReadTarget(reader), reader.Text("skip reason", WireLimits.LongTextLengthMax), ReadGlibc(reader));
        reader.EndRecord("target");
        return row;
    }

    public static void Write(this CborWriter writer, TargetRow row)
    {
        writer.WriteStartArray(3);
        writer.Write(row.Target);
        writer.WriteTextString(row.Skip);
        writer.Write(row.Glibc);
        writer.WriteEndArray();
    }

    /// <summary>One number, 2036 for 2.36; null where it is not known.</summary>
    public static Glibc? ReadGlibc(WireReader reader) =>
        reader.TryNull() ? null : Glibc.OfNumber((int)reader.Integer("C library", 0, GlibcMax));

    public static void Write(this CborWriter writer, Glibc? glibc)
    {
        if (glibc is { } known) writer.WriteInt32(known.Number);
        else writer.WriteNull();
    }

    private const int GlibcMax = 999_999;

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
