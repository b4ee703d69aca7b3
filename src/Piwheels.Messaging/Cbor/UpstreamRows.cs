using System.Formats.Cbor;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Messaging.Cbor;

/// <summary>What is known of upstream's own wheels, on the master's own queues.</summary>
internal static class UpstreamRows
{
    public static UpstreamWheel ReadWheel(WireReader reader)
    {
        reader.StartRecord("wheel");
        var wheel = new UpstreamWheel(
            BuildStates.ReadVersion(reader),
            reader.Text("file name", WireLimits.TextLengthMax),
            reader.Text("address", WireLimits.LongTextLengthMax),
            reader.Text("file hash", WireLimits.TextLengthMax),
            reader.TryNull() ? null : reader.Size("file size"),
            reader.NullableText("requires-python", WireLimits.LongTextLengthMax),
            reader.Boolean("yanked"),
            reader.Boolean("metadata"),
            reader.TryNull() ? null : reader.Timestamp("uploaded"),
            reader.Text("Python tag", WireLimits.TextLengthMax),
            reader.Text("ABI tag", WireLimits.TextLengthMax),
            reader.Text("platform tag", WireLimits.TextLengthMax));
        reader.EndRecord("wheel");
        return wheel;
    }

    public static void Write(this CborWriter writer, UpstreamWheel wheel)
    {
        writer.WriteStartArray(12);
        writer.WriteTextString(wheel.Version);
        writer.WriteTextString(wheel.Filename);
        writer.WriteTextString(wheel.Url);
        writer.WriteTextString(wheel.FileHash);
        writer.WriteNullableInteger(wheel.FileSize);
        writer.WriteNullableText(wheel.RequiresPython);
        writer.WriteBoolean(wheel.Yanked);
        writer.WriteBoolean(wheel.Metadata);
        writer.WriteNullableTimestamp(wheel.Uploaded);
        writer.WriteTextString(wheel.PyVersionTag);
        writer.WriteTextString(wheel.AbiTag);
        writer.WriteTextString(wheel.PlatformTag);
        writer.WriteEndArray();
    }

    public static UpstreamPolicies ReadPolicies(WireReader reader)
    {
        reader.StartRecord("policies");
        var policies = new UpstreamPolicies(
            ReadPolicy(reader), reader.List("packages", WireLimits.RowsMax, ReadOwn).ToDictionary());
        reader.EndRecord("policies");
        return policies;
    }

    public static void Write(this CborWriter writer, UpstreamPolicies policies)
    {
        writer.WriteStartArray(2);
        writer.WriteTextString(MemberNames.Of(policies.Farm));
        writer.WriteList([.. policies.OfPackages], static (w, own) =>
        {
            w.WriteStartArray(2);
            w.WriteTextString(own.Key.Value);
            w.WriteTextString(MemberNames.Of(own.Value));
            w.WriteEndArray();
        });
        writer.WriteEndArray();
    }

    public static UpstreamOwed ReadOwed(WireReader reader)
    {
        reader.StartRecord("owed");
        var owed = new UpstreamOwed(BuildStates.ReadPackage(reader), ReadPolicy(reader), reader.Size("revision"));
        reader.EndRecord("owed");
        return owed;
    }

    public static void Write(this CborWriter writer, UpstreamOwed owed)
    {
        writer.WriteStartArray(3);
        writer.WriteTextString(owed.Package.Value);
        writer.WriteTextString(MemberNames.Of(owed.Policy));
        writer.WriteInt64(owed.Revision);
        writer.WriteEndArray();
    }

    private static KeyValuePair<PackageName, UpstreamPolicy> ReadOwn(WireReader reader)
    {
        reader.StartRecord("policy");
        var own = KeyValuePair.Create(BuildStates.ReadPackage(reader), ReadPolicy(reader));
        reader.EndRecord("policy");
        return own;
    }

    private static UpstreamPolicy ReadPolicy(WireReader reader) =>
        MemberNames.TryParse(reader.Text("policy", WireLimits.NameLengthMax), out UpstreamPolicy policy)
            ? policy
            : throw reader.Fail("policy", "not one about upstream's wheels");
}
