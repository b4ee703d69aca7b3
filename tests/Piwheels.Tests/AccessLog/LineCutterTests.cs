using System.Text;
using FsCheck.Xunit;
using Piwheels.Core.Database;
using Piwheels.Logger.Formats;
using Piwheels.Logger.Reading;
using Piwheels.Messaging.Protocols;
using Xunit;

namespace Piwheels.Tests.AccessLog;

/// <summary>Lines cut from what comes in pieces.</summary>
public sealed class LineCutterTests
{
    [Property(MaxTest = 300)]
    public void Lines_are_the_same_however_they_come(byte[] bytes, int piece)
    {
        // Few kinds of bytes, so that many are line breaks
        var text = bytes.Select(b => (b % 4) switch { 0 => '\n', 1 => '\r', _ => 'x' }).ToArray();
        using var stream = new Pieces(Encoding.ASCII.GetBytes(text), 1 + (int)((uint)piece % 7));
        var expected = new string(text).Split('\n').ToList();
        if (expected[^1].Length == 0) expected.RemoveAt(expected.Count - 1);
        var (lines, place) = CutAll(stream);
        Assert.Equal(expected, lines);
        Assert.Equal(text.Length, place);
    }

    [Theory]
    [InlineData(LineParser.LineBytesMax, false)]
    [InlineData(LineParser.LineBytesMax + 1, true)]
    [InlineData(5 * LineParser.LineBytesMax, true)]
    public void A_line_that_is_too_long_is_passed_over_to_its_end(int length, bool isTooLong)
    {
        foreach (var end in (string[])["\nnext\n", "\nnext", "\n"])
        {
            using var stream = new Pieces(Encoding.ASCII.GetBytes(new string('x', length) + end), 100_000);
            var (lines, place) = CutAll(stream);
            Assert.Equal(isTooLong ? "(too long)" : new string('x', length), lines[0]);
            Assert.Equal(end.Length > 1 ? ["next"] : [], lines[1..]);
            Assert.Equal(length + end.Length, place);
        }
    }

    [Fact]
    public void Parts_of_what_has_a_number_have_numbers_of_their_own_and_always_the_same()
    {
        var whole = RequestNumber.Next(TimeProvider.System);
        Guid[] parts = [RequestNumber.Part(whole, 1), RequestNumber.Part(whole, 2), RequestNumber.Part(RequestNumber.Part(whole, 1), 1)];
        Assert.Equal(4, parts.Append(whole).Distinct().Count());
        Assert.Equal(parts[0], RequestNumber.Part(whole, 1));
        // The time in front, which keeps them together in an index
        Assert.All(parts, part => Assert.Equal($"{whole}"[..18], $"{part}"[..18]));
    }

    [Theory]
    [InlineData("ipc:///tmp/piw-logger", "ipc:///tmp/piw-logger.hits")]
    [InlineData("ipc://@piw-logger", "ipc://@piw-logger.hits")]
    [InlineData("ipc://*", null)]
    [InlineData("tcp://*:5557", null)]
    [InlineData("inproc://x", null)]
    public void The_hits_queue_is_beside_the_log_queue(string logQueue, string? hitsQueue) =>
        Assert.Equal(hitsQueue, HitsQueue.AddressOf(logQueue));

    [Fact]
    public void Where_its_path_would_be_too_long_there_is_none() =>
        Assert.Null(HitsQueue.AddressOf("ipc:///" + new string('x', 105)));

    private static (List<string> Lines, long Place) CutAll(Pieces stream)
    {
        var cutter = new LineCutter();
        var lines = new List<string>();
        while (cutter.Fill(stream) > 0)
        {
            while (cutter.TryCut(out var line, out var tooLong)) lines.Add(tooLong ? "(too long)" : Encoding.ASCII.GetString(line));
        }

        if (cutter.TryCutRest(out var rest, out var restTooLong)) lines.Add(restTooLong ? "(too long)" : Encoding.ASCII.GetString(rest));
        return (lines, cutter.Place);
    }

    /// <summary>Gives at most so many bytes at a time.</summary>
    private sealed class Pieces(byte[] bytes, int most) : MemoryStream(bytes)
    {
        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, most));
    }
}
