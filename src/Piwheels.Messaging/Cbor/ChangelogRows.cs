using System.Formats.Cbor;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Messaging.Cbor;

/// <summary>What events of the index come to, in CBOR.</summary>
internal static class ChangelogRows
{
    public static SeenName ReadName(WireReader reader)
    {
        reader.StartRecord("name");
        var name = new SeenName(
            BuildStates.ReadPackage(reader),
            reader.Text("name", WireLimits.TextLengthMax),
            reader.Timestamp("seen"),
            reader.NullableText("version", WireLimits.TextLengthMax));
        reader.EndRecord("name");
        return name;
    }

    public static void Write(this CborWriter writer, SeenName name)
    {
        writer.WriteStartArray(4);
        writer.WriteTextString(name.Package.Value);
        writer.WriteTextString(name.Name);
        writer.WriteTimestamp(name.Seen);
        writer.WriteNullableText(name.UnlessKnown);
        writer.WriteEndArray();
    }

    public static ReleaseChange ReadRelease(WireReader reader)
    {
        reader.StartRecord("release");
        var change = new ReleaseChange(
            BuildStates.ReadRelease(reader),
            reader.Boolean("gone"),
            reader.TryNull() ? null : reader.Timestamp("released"),
            reader.Boolean("source"),
            reader.Boolean("yanked when new"),
            reader.TryNull() ? null : reader.Boolean("yanked when known"));
        reader.EndRecord("release");
        return change;
    }

    public static void Write(this CborWriter writer, ReleaseChange change)
    {
        writer.WriteStartArray(6);
        writer.Write(change.Release);
        writer.WriteBoolean(change.Gone);
        writer.WriteNullableTimestamp(change.Released);
        writer.WriteBoolean(change.Source);
        writer.WriteBoolean(change.YankedNew);
        if (change.YankedKnown is { } yanked) writer.WriteBoolean(yanked);
        else writer.WriteNull();
        writer.WriteEndArray();
    }

    public static KnownRemovals ReadKnown(WireReader reader)
    {
        reader.StartRecord("removals");
        var known = new KnownRemovals(
            reader.List("packages", WireLimits.RowsMax, BuildStates.ReadPackage),
            reader.List("releases", WireLimits.RowsMax, BuildStates.ReadRelease));
        reader.EndRecord("removals");
        return known;
    }

    public static void Write(this CborWriter writer, KnownRemovals known)
    {
        writer.WriteStartArray(2);
        writer.WriteList(known.Packages, static (w, package) => w.WriteTextString(package.Value));
        writer.WriteList(known.Releases, static (w, release) => w.Write(release));
        writer.WriteEndArray();
    }
}
