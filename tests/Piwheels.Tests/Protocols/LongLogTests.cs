using System.Formats.Cbor;
using System.Text;
using Piwheels.Messaging.Cbor;
using Piwheels.Messaging.Protocols;
using Xunit;

namespace Piwheels.Tests.Protocols;

/// <summary>Logs of BUILT, which may be much longer than what is kept of them.</summary>
public sealed class LongLogTests
{
    private const int TailBytes = WireLimits.LogBytesMax - WireLimits.LogHeadBytes;

    [Fact]
    public void A_log_within_the_limit_is_read_as_it_was_written()
    {
        var log = new string('x', WireLimits.LogBytesMax - 2) + "é";

        Assert.Equal(log, Read(log).Output);
    }

    [Fact]
    public void Of_a_longer_one_the_beginning_and_the_end_are_read_and_what_is_left_out_is_said()
    {
        var log = new string('a', WireLimits.LogHeadBytes) + new string('b', 1_000) + new string('c', TailBytes);

        Assert.Equal(
            new string('a', WireLimits.LogHeadBytes)
            + "\n\n[... 1000 bytes left out by the master ...]\n\n"
            + new string('c', TailBytes),
            Read(log).Output);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void No_character_is_cut_in_two(int shift)
    {
        var log = new string('.', shift) + string.Concat(Enumerable.Repeat("🛞", WireLimits.LogBytesMax / 4 + 100));

        var read = Read(log).Output;

        Assert.DoesNotContain('\uFFFD', read);
        Assert.All(read.EnumerateRunes(), static rune => Assert.NotEqual(Rune.ReplacementChar, rune));
        Assert.EndsWith("🛞", read, StringComparison.Ordinal);
    }

    [Fact]
    public void Text_in_pieces_is_read_too()
    {
        var writer = new CborWriter();
        writer.WriteStartMessage("BUILT");
        Write(writer, static writer =>
        {
            writer.WriteStartIndefiniteLengthTextString();
            writer.WriteTextString("one ");
            writer.WriteTextString("two");
            writer.WriteEndIndefiniteLengthTextString();
        });

        Assert.Equal("one two", Assert.IsType<SlaveRequest.Built>(SlaveRequest.Read(writer.Encode())).Output);
    }

    [Fact]
    public void What_is_no_UTF_8_is_refused_wherever_it_stands()
    {
        var writer = new CborWriter(CborConformanceMode.Lax);
        writer.WriteStartMessage("BUILT");
        var bytes = Encoding.UTF8.GetBytes(new string('x', WireLimits.LogBytesMax + 2_000));
        bytes[WireLimits.LogHeadBytes + 1_000] = 0xFF;
        Write(writer, writer =>
        {
            // A head of five bytes, as text of that length has it
            writer.WriteEncodedValue([0x7A, .. BigEndian(bytes.Length), .. bytes]);
        });

        Assert.Throws<WireException>(() => SlaveRequest.Read(writer.Encode()));
    }

    [Fact]
    public void One_beyond_what_is_taken_at_all_is_refused() =>
        Assert.Throws<WireException>(() => Read(new string('x', WireLimits.OutputLengthMax + 1)));

    private static SlaveRequest.Built Read(string log)
    {
        var writer = new CborWriter();
        new SlaveRequest.Built(Status: false, TimeSpan.FromSeconds(1), log, []).Write(writer);
        return Assert.IsType<SlaveRequest.Built>(SlaveRequest.Read(writer.Encode()));
    }

    private static void Write(CborWriter writer, Action<CborWriter> writeLog)
    {
        writer.WriteStartArray(4);
        writer.WriteBoolean(false);
        writer.WriteDuration(TimeSpan.FromSeconds(1));
        writeLog(writer);
        writer.WriteFiles([], FileStateForm.WithLocation);
        writer.WriteEndArray();
        writer.WriteEndArray();
    }

    private static byte[] BigEndian(int length) =>
        [(byte)(length >> 24), (byte)(length >> 16), (byte)(length >> 8), (byte)length];
}
