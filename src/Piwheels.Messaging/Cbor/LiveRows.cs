using System.Formats.Cbor;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Messaging.Cbor;

/// <summary>
/// What a build that is followed has printed: <c>[offset, bytes]</c>, bytes since a piece may end within a character. And
/// builds that run: <c>[package, version, abi, platform, label, since, reach]</c>.
/// </summary>
internal static class LiveRows
{
    public static OutputPiece ReadPiece(WireReader reader)
    {
        reader.StartRecord("output");
        var offset = reader.Integer("offset", 0, WireLimits.OutputOffsetMax);
        var bytes = reader.Bytes("output");
        if (bytes.Length > OutputTail.PieceBytesMax)
            throw reader.Fail("output", $"{bytes.Length} bytes, at most {OutputTail.PieceBytesMax} are taken");
        reader.EndRecord("output");
        // Kept longer than the payload that it is a view of
        return new OutputPiece(offset, bytes.ToArray());
    }

    public static void Write(CborWriter writer, OutputPiece piece)
    {
        writer.WriteStartArray(2);
        writer.WriteInt64(piece.Offset);
        writer.WriteByteString(piece.Bytes.Span);
        writer.WriteEndArray();
    }

    public static LiveBuild ReadBuild(WireReader reader)
    {
        reader.StartRecord("build");
        var build = new LiveBuild(
            new LiveTopic(
                new Release(BuildStates.ReadPackage(reader), BuildStates.ReadVersion(reader)),
                new Target(reader.Text("abi", WireLimits.TextLengthMax), reader.Text("platform", WireLimits.TextLengthMax))),
            reader.Text("label", WireLimits.TextLengthMax), reader.Timestamp("since"), ReadReach(reader));
        reader.EndRecord("build");
        return build;
    }

    public static void Write(CborWriter writer, LiveBuild build)
    {
        writer.WriteStartArray(7);
        writer.WriteTextString(build.Topic.Release.Package.Value);
        writer.WriteTextString(build.Topic.Release.Version);
        writer.WriteTextString(build.Topic.Target.Abi);
        writer.WriteTextString(build.Topic.Target.Platform);
        writer.WriteTextString(build.Label);
        writer.WriteTimestamp(build.Since);
        Write(writer, build.Reach);
        writer.WriteEndArray();
    }

    public static LiveReach ReadReach(WireReader reader) => reader.Text("reach", WireLimits.NameLengthMax) switch
    {
        "followed" => LiveReach.Followed,
        "mute" => LiveReach.Mute,
        "full" => LiveReach.Full,
        _ => throw reader.Fail("reach", "none that is known"),
    };

    public static void Write(CborWriter writer, LiveReach reach) => writer.WriteTextString(reach switch
    {
        LiveReach.Followed => "followed",
        LiveReach.Mute => "mute",
        _ => "full",
    });
}
