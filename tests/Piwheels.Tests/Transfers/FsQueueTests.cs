using System.Formats.Cbor;
using Piwheels.Messaging.Protocols;
using Piwheels.Tests.Building;
using Xunit;

namespace Piwheels.Tests.Transfers;

public sealed class FsQueueTests
{
    public static TheoryData<FsRequest> Requests =>
    [
        new FsRequest.Verify(3, Slaves.Numpy.Package),
        new FsRequest.Verify(int.MinValue, Slaves.Numpy.Package),
        new FsRequest.Forget(-1),
        new FsRequest.Publish(3),
        new FsRequest.Disk(),
    ];

    public static TheoryData<FsReply> Replies =>
    [
        new FsReply.Ok(),
        new FsReply.Verified(null),
        new FsReply.Verified(">=3.9,<4"),
        new FsReply.Room(1L << 40, 1L << 30),
        new FsReply.Mismatched("its SHA-256 is another"),
        new FsReply.Refused("it has no METADATA"),
    ];

    [Theory]
    [MemberData(nameof(Requests))]
    public void A_request_is_read_as_it_was_written(FsRequest request) =>
        Assert.Equal(request, FsRequest.Read(Payload(request.Write)));

    [Theory]
    [MemberData(nameof(Replies))]
    public void A_reply_is_read_as_it_was_written(FsReply reply) =>
        Assert.Equal(reply, FsReply.Read(Payload(reply.Write)));

    [Theory]
    [InlineData(null)]
    [InlineData("HelloWorldHelloWorldHelloWorldHelloWorld")]
    public void An_expectation_is_read_as_it_was_written(string? key)
    {
        var file = Slaves.File(Slaves.NumpyWheel);

        var expect = new FsRequest.Expect(-7, file, "192.0.2.1") { Key = key };
        var read = Assert.IsType<FsRequest.Expect>(FsRequest.Read(Payload(expect.Write)));

        Assert.Equal((-7, "192.0.2.1", key), (read.Owner, read.Origin, read.Key));
        Assert.Equal(file with { Dependencies = read.File.Dependencies }, read.File);
        Assert.Equal(file.Dependencies, read.File.Dependencies);
    }

    [Theory]
    [InlineData("6346")]
    [InlineData("65574f524c44")]
    [InlineData("8266564552494659f6")]
    [InlineData("8266464f524745546133")]
    public void What_is_no_request_is_refused(string payload) =>
        Assert.Throws<WireException>(() => FsRequest.Read(Convert.FromHexString(payload)));

    private static byte[] Payload(Action<CborWriter> write)
    {
        var writer = new CborWriter();
        write(writer);
        return writer.Encode();
    }
}
