using System.Buffers.Binary;
using System.Text;
using Piwheels.Core.Packaging;
using Piwheels.Slave.Wheels;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Slave.Wheels;

/// <summary>Wheels whose parts do not agree: RECORD and content, WHEEL and name, the zip's directory and its headers.</summary>
public sealed class WheelContentTests : IDisposable
{
    private const string Name = "thing-1.0-py3-none-any.whl";
    private const string Init = "thing/__init__.py";

    private static readonly MarkerEnvironment Here = MarkerEnvironment.ForTarget(new Target("cp311", "linux_x86_64"))!;
    private static readonly Release Thing = new(PackageName.Parse("thing"), "1.0");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string? Refusal(byte[] wheel, string name = Name)
    {
        var path = _folder[name];
        File.WriteAllBytes(path, wheel);
        return (WheelFile.Inspect(path, Thing, Here) as WheelInspection.Refused)?.Reason;
    }

    private string? Refusal(WheelMaker maker) => Refusal(maker.ToBytes(), maker.FileName);

    private string? WithRecord(Func<string, string> change) => Refusal(new WheelMaker { Record = change });

    private static string InFirstLine(string record, string part, string other)
    {
        var end = record.IndexOf('\n') + 1;
        return record[..end].Replace(part, other, StringComparison.Ordinal) + record[end..];
    }

    private static byte[] Plain(params (string Name, string Content)[] entries)
    {
        var maker = new WheelMaker();
        foreach (var (name, content) in entries) maker.With(name, content);
        return maker.ToBytes(System.IO.Compression.CompressionLevel.NoCompression);
    }

    [Fact]
    public void A_record_that_is_right_is_accepted_with_names_of_all_kinds()
    {
        Assert.Null(Refusal(new WheelMaker().With("thing/a,b.py", "x").With("thing/größe.py", "y").With("thing/empty", "")));
        Assert.Null(WithRecord(right => right.Replace("\n", "\r\n", StringComparison.Ordinal)));
        Assert.Null(WithRecord(right => right + right.Split('\n')[0] + "\n"));
        Assert.Null(WithRecord(right => right.Replace("thing-1.0.dist-info/RECORD,,\n", "", StringComparison.Ordinal)));
        Assert.Null(Refusal(new WheelMaker
        {
            Record = right => string.Join('\n', right.Split('\n').Where(line => !line.Contains("RECORD.jws", StringComparison.Ordinal))),
        }.With("thing-1.0.dist-info/RECORD.jws", "signed")));
        Assert.Null(WithRecord(right => right.Replace($",{"value = 1\n".Length}\n", ",\n", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("sha512")]
    [InlineData("sha384")]
    public void A_stronger_hash_counts_too(string algorithm)
    {
        var content = "value = 1\n"u8.ToArray();
        var digest = algorithm == "sha512"
            ? System.Security.Cryptography.SHA512.HashData(content) : System.Security.Cryptography.SHA384.HashData(content);
        var hash = Convert.ToBase64String(digest).TrimEnd('=').Replace('+', '-').Replace('/', '_');

        string Changed(string right, string text) => string.Join('\n', right.Split('\n').Select(
            line => line.StartsWith(Init, StringComparison.Ordinal) ? $"{Init},{algorithm}={text},{content.Length}" : line));

        Assert.Null(WithRecord(right => Changed(right, hash)));
        Assert.Contains("another hash", WithRecord(right => Changed(right, "A" + hash[1..] == hash ? "B" + hash[1..] : "A" + hash[1..])), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sha256=", "md5=", "a line that is none")]
    [InlineData("sha256=", "sha1=", "a line that is none")]
    [InlineData("sha256=", "", "a line that is none")]
    [InlineData("sha256=", "sha256=AAAA", "a line that is none")]
    [InlineData(",10\n", ",11\n", "another size of thing/__init__.py")]
    [InlineData(",10\n", ",-1\n", "a line that is none")]
    [InlineData(",10\n", "\n", "a line that is none")]
    [InlineData(",10\n", ",10,more\n", "a line that is none")]
    [InlineData("thing/__init__.py,", "thing/other.py,", "which is not there")]
    [InlineData("thing/__init__.py,", "../thing/__init__.py,", "which is not there")]
    public void A_record_that_is_wrong_is_refused(string part, string other, string expected) =>
        Assert.Contains(expected, WithRecord(right => InFirstLine(right, part, other)), StringComparison.Ordinal);

    [Fact]
    public void A_record_has_each_file_with_its_hash_and_nothing_else()
    {
        Assert.Contains("thing/__init__.py is not in its RECORD", WithRecord(right => right[(right.IndexOf('\n') + 1)..]), StringComparison.Ordinal);
        Assert.Contains("not in its RECORD", WithRecord(_ => ""), StringComparison.Ordinal);
        Assert.Contains("which is not there", WithRecord(right => right + "thing/more.py,,\n"), StringComparison.Ordinal);
        Assert.Contains("no hash of thing/__init__.py", WithRecord(
            right => $"{Init},,\n" + right[(right.IndexOf('\n') + 1)..]), StringComparison.Ordinal);
        Assert.Contains("two things", WithRecord(
            right => right + WheelMaker.RecordLine(Init, "value = 2\n"u8.ToArray())), StringComparison.Ordinal);
        Assert.Contains("another hash of thing/__init__.py", WithRecord(
            right => WheelMaker.RecordLine(Init, "value = 2\n"u8.ToArray()) + right[(right.IndexOf('\n') + 1)..]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Wheel-Version: 1.0\nTag: py3-none-any\n", null)]
    [InlineData("Wheel-Version: 1.9\nTag: PY3-none-any\n", null)]
    [InlineData("Wheel-Version: 2.0\nTag: py3-none-any\n", "of version '2.0'")]
    [InlineData("Tag: py3-none-any\n", "of version ''")]
    [InlineData("Wheel-Version: 1.0\n", "other tags")]
    [InlineData("Wheel-Version: 1.0\nTag: py3-none-any\nTag: cp311-cp311-linux_x86_64\n", "other tags")]
    [InlineData("Wheel-Version: 1.0\nTag: cp311-cp311-linux_x86_64\n", "other tags: cp311-cp311-linux_x86_64")]
    [InlineData("Wheel-Version: 1.0\nTag: any\n", "a tag that is none: any")]
    public void What_the_wheel_says_of_itself_is_what_its_name_says(string content, string? expected)
    {
        var refusal = Refusal(new WheelMaker { Wheel = content });
        if (expected is null) Assert.Null(refusal);
        else Assert.Contains(expected, refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void Tags_of_a_set_are_written_one_by_one() => Assert.Null(Refusal(
        new WheelMaker(tags: "py2.py3-none-any") { Wheel = "Wheel-Version: 1.0\nTag: py2-none-any\nTag: py3-none-any\n" }));

    [Theory]
    [InlineData("thing-1.0.dist-info/metadata", "two spellings")]
    [InlineData("THING-1.0.DIST-INFO/METADATA", "two spellings")]
    [InlineData("thing/__init__.py/more.py", "a file and a folder")]
    public void Names_that_unpackers_may_take_for_others_are_refused(string name, string expected) =>
        Assert.Contains(expected, Refusal(new WheelMaker().With(name, "x")), StringComparison.Ordinal);

    [Fact]
    public void Elsewhere_two_spellings_are_two_files() =>
        Assert.Null(Refusal(new WheelMaker().With("thing/xt_mark.h", "x").With("thing/xt_MARK.h", "y")));

    [Theory]
    [InlineData(0xA1FFu, "is no plain file")] // A link
    [InlineData(0x2180u, "is no plain file")] // A device
    [InlineData(0x1180u, "is no plain file")] // A pipe
    [InlineData(0x4180u, "is no plain file")] // A folder
    [InlineData(0x81A4u, null)]
    [InlineData(0x01A4u, null)]
    public void Links_and_devices_are_refused(uint mode, string? expected)
    {
        var wheel = Plain();
        var at = HeaderOf(wheel, Init, 0x02014b50);
        wheel[at + 5] = 3;
        BinaryPrimitives.WriteUInt32LittleEndian(wheel.AsSpan(at + 38), mode << 16);
        var refusal = Refusal(wheel);
        if (expected is null) Assert.Null(refusal);
        else Assert.Contains(expected, refusal, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(6, 1, "encrypted")]
    [InlineData(8, 8, "packed in two ways")]
    [InlineData(14, 1, "two checksums")]
    [InlineData(18, 9, "two sizes")]
    [InlineData(22, 9, "two sizes")]
    [InlineData(30, 'x', "two names")]
    public void A_header_that_says_something_else_than_the_directory_is_refused(int offset, byte value, string expected)
    {
        var wheel = Plain();
        wheel[HeaderOf(wheel, Init, 0x04034b50) + offset] = value;
        Assert.Contains(expected, Refusal(wheel), StringComparison.Ordinal);
    }

    [Fact]
    public void A_header_that_leaves_sizes_to_what_follows_is_as_good()
    {
        var wheel = Plain();
        var at = HeaderOf(wheel, Init, 0x04034b50);
        wheel[at + 6] |= 1 << 3;
        wheel.AsSpan(at + 14, 12).Clear();
        Assert.Null(Refusal(wheel));
    }

    [Fact]
    public void A_content_that_reaches_into_the_next_entry_is_refused()
    {
        var wheel = Plain(("thing/a.py", "aaaa"), ("thing/b.py", "bbbb"));
        // A longer extra field moves the content on, over what belongs to the next
        BinaryPrimitives.WriteUInt16LittleEndian(wheel.AsSpan(HeaderOf(wheel, "thing/a.py", 0x04034b50) + 28), 20);
        Assert.Contains("overlaps another entry", Refusal(wheel), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(24)] // Unpacked
    [InlineData(20)] // Packed
    public void Sizes_out_of_proportion_are_refused_before_anything_is_unpacked(int offset)
    {
        var wheel = Plain();
        BinaryPrimitives.WriteUInt32LittleEndian(wheel.AsSpan(HeaderOf(wheel, Init, 0x02014b50) + offset), 0xFFFF_FFF0);
        Assert.NotNull(Refusal(wheel));
    }

    [Fact]
    public void A_bomb_of_an_object_is_refused_before_it_reaches_the_disk()
    {
        var wheel = new WheelMaker().With("thing/bomb.so", [0x7f, .. "ELF"u8, .. new byte[9 << 20]]).ToBytes();
        foreach (var (signature, offset) in new[] { (0x04034b50u, 22), (0x02014b50u, 24) })
            BinaryPrimitives.WriteUInt32LittleEndian(wheel.AsSpan(HeaderOf(wheel, "thing/bomb.so", signature) + offset), 0xFFFF_FFF0);
        Assert.Contains("is larger than", Refusal(wheel), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_folder.Path, "*.unpacked"));
    }

    [Fact]
    public void What_is_claimed_of_python_is_what_the_metadata_says()
    {
        foreach (var (field, expected) in new[] { (">=3.9", ">=3.9"), (" >=3.9, !=3.10.* ", ">=3.9, !=3.10.*"), ("three", null), (null, (string?)null) })
        {
            var maker = new WheelMaker { Fields = field is null ? "" : $"Requires-Python: {field}" };
            var accepted = Assert.IsType<WheelInspection.Accepted>(WheelFile.Inspect(maker.WriteTo(_folder.Path), Thing, Here));
            Assert.Equal(expected, accepted.File.RequiresPython);
        }
    }

    private static int HeaderOf(byte[] wheel, string name, uint signature)
    {
        var (nameAt, lengthAt) = signature == 0x04034b50 ? (30, 26) : (46, 28);
        var bytes = Encoding.UTF8.GetBytes(name);
        for (var at = 0; at + nameAt + bytes.Length <= wheel.Length; at++)
        {
            if (BinaryPrimitives.ReadUInt32LittleEndian(wheel.AsSpan(at)) == signature
                && BinaryPrimitives.ReadUInt16LittleEndian(wheel.AsSpan(at + lengthAt)) == bytes.Length
                && wheel.AsSpan(at + nameAt).StartsWith(bytes))
            {
                return at;
            }
        }

        throw new InvalidOperationException($"{name} is not in the wheel");
    }
}
