using System.Formats.Cbor;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Messaging.Cbor;

/// <summary>The build queue: <c>[[target, [release]]]</c>, and its lengths: <c>[[target, length]]</c>.</summary>
internal static class QueueRows
{
    public static Dictionary<Target, IReadOnlyList<Release>> Read(WireReader reader)
    {
        var queue = new Dictionary<Target, IReadOnlyList<Release>>();
        reader.List("queue", WireLimits.TargetsMax, row =>
        {
            row.StartRecord("row");
            var target = BuildStates.ReadTarget(row);
            var releases = row.List("releases", WireLimits.RowsMax, BuildStates.ReadRelease);
            row.EndRecord("row");
            return queue.TryAdd(target, releases) ? target : throw row.Fail("queue", "a target comes twice");
        });
        return queue;
    }

    public static void Write(CborWriter writer, IReadOnlyDictionary<Target, IReadOnlyList<Release>> queue) =>
        writer.WriteList(queue, static (w, row) =>
        {
            w.WriteStartArray(2);
            w.Write(row.Key);
            w.WriteList(row.Value, static (r, release) => r.Write(release));
            w.WriteEndArray();
        });

    public static Dictionary<Target, long> ReadLengths(WireReader reader)
    {
        var lengths = new Dictionary<Target, long>();
        reader.List("queue lengths", WireLimits.TargetsMax, row =>
        {
            row.StartRecord("row");
            var target = BuildStates.ReadTarget(row);
            var length = row.Size("length");
            row.EndRecord("row");
            return lengths.TryAdd(target, length) ? target : throw row.Fail("queue lengths", "a target comes twice");
        });
        return lengths;
    }

    public static HeldBuild ReadHeld(WireReader reader)
    {
        reader.StartRecord("held build");
        var held = new HeldBuild(
            BuildStates.ReadRelease(reader), BuildStates.ReadTarget(reader), reader.Boolean("skipped"),
            reader.Text("reason", WireLimits.LongTextLengthMax));
        reader.EndRecord("held build");
        return held;
    }

    public static void Write(this CborWriter writer, HeldBuild held)
    {
        writer.WriteStartArray(4);
        writer.Write(held.Release);
        writer.Write(held.Target);
        writer.WriteBoolean(held.Skipped);
        writer.WriteTextString(held.Reason);
        writer.WriteEndArray();
    }

    public static void WriteLengths(CborWriter writer, IReadOnlyDictionary<Target, long> lengths) =>
        writer.WriteList(lengths, static (w, row) =>
        {
            w.WriteStartArray(2);
            w.Write(row.Key);
            w.WriteInt64(row.Value);
            w.WriteEndArray();
        });
}
