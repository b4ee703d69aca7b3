using System.Formats.Cbor;
using Piwheels.Core.Database;

namespace Piwheels.Messaging.Cbor;

/// <summary>How builds and downloads went.</summary>
internal static class HistoryRows
{
    /// <summary>A figure: [series, label, day number from 0001-01-01 on, amount].</summary>
    public static HistoryFigure ReadFigure(WireReader reader)
    {
        reader.StartRecord("figure");
        var figure = new HistoryFigure(
            (HistorySeries)reader.Integer("series", 0, (int)HistorySeries.Machines),
            reader.Text("label", WireLimits.TextLengthMax),
            DateOnly.FromDayNumber((int)reader.Integer("day", 0, DateOnly.MaxValue.DayNumber)),
            reader.Size("amount"));
        reader.EndRecord("figure");
        return figure;
    }

    public static void Write(this CborWriter writer, HistoryFigure figure)
    {
        writer.WriteStartArray(4);
        writer.WriteInt32((int)figure.Series);
        writer.WriteTextString(figure.Label);
        writer.WriteInt32(figure.Day.DayNumber);
        writer.WriteInt64(figure.Amount);
        writer.WriteEndArray();
    }

    /// <summary>A build: [build id, release, target, built at, duration].</summary>
    public static NewBuild ReadBuild(WireReader reader)
    {
        reader.StartRecord("build");
        var build = new NewBuild(
            reader.Size("build id"),
            BuildStates.ReadRelease(reader),
            BuildStates.ReadTarget(reader),
            reader.Timestamp("built at"),
            reader.Duration("duration"));
        reader.EndRecord("build");
        return build;
    }

    public static void Write(this CborWriter writer, NewBuild build)
    {
        writer.WriteStartArray(5);
        writer.WriteInt64(build.BuildId);
        writer.Write(build.Release);
        writer.Write(build.Target);
        writer.WriteTimestamp(build.BuiltAt);
        writer.WriteDuration(build.Duration);
        writer.WriteEndArray();
    }
}
