using System.Formats.Cbor;
using System.Text;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Cbor;
using Piwheels.Messaging.Protocols;
using Xunit;

namespace Piwheels.Tests.Protocols;

/// <summary>What is said of running builds: the refused shapes beside the accepted ones.</summary>
public sealed class LiveWireTests
{
    private static readonly byte[] Longest = new byte[OutputTail.PieceBytesMax];
    private static readonly byte[] TooLong = new byte[OutputTail.PieceBytesMax + 1];

    private static readonly Dictionary<string, byte[]> Shapes = new()
    {
        ["a text"] = Printed(static writer => writer.WriteTextString("x")),
        ["text in place of bytes"] = Printed(static writer => Pair(writer, 0, static w => w.WriteTextString("x"))),
        ["no bytes"] = Printed(static writer => Pair(writer, 0, static w => w.WriteNull())),
        ["bytes in pieces"] = Printed(static writer => Pair(writer, 0, static w =>
        {
            w.WriteStartIndefiniteLengthByteString();
            w.WriteByteString([1]);
            w.WriteEndIndefiniteLengthByteString();
        })),
        ["too many bytes"] = Printed(static writer => Pair(writer, 0, static w => w.WriteByteString(TooLong))),
        ["an offset below zero"] = Printed(static writer => Pair(writer, -1, static w => w.WriteByteString([1]))),
        ["an offset beyond all"] = Printed(
            static writer => Pair(writer, WireLimits.OutputOffsetMax + 1, static w => w.WriteByteString([1]))),
        ["an offset beyond 64 bits"] = Printed(static writer =>
        {
            writer.WriteStartArray(2);
            writer.WriteUInt64(ulong.MaxValue);
            writer.WriteByteString([1]);
            writer.WriteEndArray();
        }),
        ["no data"] = [0x67, .. "PRINTED"u8],
    };

    public static TheoryData<string> Refused() => [.. Shapes.Keys];

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_a_build_printed_has_one_shape(string shape) =>
        Assert.Throws<WireException>(() => SlaveRequest.Read(Shapes[shape]));

    [Fact]
    public void Bytes_may_be_any_and_as_many_as_are_allowed()
    {
        Random.Shared.NextBytes(Longest);
        var read = Assert.IsType<SlaveRequest.Printed>(SlaveRequest.Read(
            Printed(static writer => Pair(writer, WireLimits.OutputOffsetMax, static w => w.WriteByteString(Longest)))));
        Assert.Equal(Longest, read.Piece.Bytes.ToArray());
        Assert.Equal(WireLimits.OutputOffsetMax, read.Piece.Offset);
    }

    [Fact]
    public void A_topic_is_read_as_it_is_written()
    {
        var topic = new LiveTopic(
            new Release(PackageName.Parse("zope.interface"), "1!2.0+local_1-2"), new Target("cp311", "manylinux_2_36-x.y"));
        Assert.True(topic.IsPlain);
        Assert.True(LiveTopic.TryParse(topic.ToBytes(), out var read));
        Assert.Equal(topic, read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("builds\n")]
    [InlineData("numpy 2.1.0 cp311 linux_armv7l")]
    [InlineData("numpy 2.1.0 cp311\n")]
    [InlineData("numpy 2.1.0 cp311 linux_armv7l more\n")]
    [InlineData("numpy 2.1.0  linux_armv7l\n")]
    [InlineData("Numpy 2.1.0 cp311 linux_armv7l\n")]
    [InlineData("../x 2.1.0 cp311 linux_armv7l\n")]
    [InlineData("numpy ../x cp311 linux_armv7l\n")]
    [InlineData("numpy 2.1.0\0 cp311 linux_armv7l\n")]
    [InlineData("numpy 2.1.0\n cp311 linux_armv7l\n")]
    [InlineData("numpy 2.1.0 cp311 linux_ärmv7l\n")]
    public void What_is_no_topic_names_nothing(string text) =>
        Assert.False(LiveTopic.TryParse(Encoding.UTF8.GetBytes(text), out _));

    [Fact]
    public void A_topic_is_not_endless_and_needs_to_be_text()
    {
        Assert.False(LiveTopic.TryParse(
            Encoding.UTF8.GetBytes($"numpy {new string('1', LiveTopic.BytesMax)} cp311 linux_armv7l\n"), out _));
        Assert.False(LiveTopic.TryParse([0xff, 0xfe, (byte)' ', (byte)'\n'], out _));
        Assert.False(new LiveTopic(new Release(PackageName.Parse("x"), "1 0"), new Target("a", "b")).IsPlain);
    }

    private static byte[] Printed(Action<CborWriter> data)
    {
        // Lax: a test may write what no strict writer lets it
        var writer = new CborWriter(CborConformanceMode.Lax);
        writer.WriteStartArray(2);
        writer.WriteTextString("PRINTED");
        data(writer);
        writer.WriteEndArray();
        return writer.Encode();
    }

    private static void Pair(CborWriter writer, long offset, Action<CborWriter> bytes)
    {
        writer.WriteStartArray(2);
        writer.WriteInt64(offset);
        bytes(writer);
        writer.WriteEndArray();
    }
}
