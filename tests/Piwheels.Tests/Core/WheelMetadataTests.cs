using System.IO.Compression;
using System.Text;
using FsCheck;
using FsCheck.Xunit;
using Piwheels.Core.Packaging;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Core;

public sealed class WheelMetadataTests
{
    private static readonly MarkerEnvironment Pi = MarkerEnvironment.ForTarget(new Target("cp311", "linux_armv7l"))!;

    [Fact]
    public void A_wheel_tells_what_it_needs()
    {
        var metadata = Read(new WheelMaker
        {
            Fields = """
                Requires-Python: >=3.9
                Requires-Dist: Jinja2 (>=3)
                Requires-Dist: zope.interface; python_version < "3.12"
                Requires-Dist: colorama ; sys_platform == "win32"
                Requires-Dist: pytest; extra == "test"
                Requires-Dist: not a requirement
                Requires-Dist: jinja2 <4
                """,
        }.ToBytes());

        Assert.Equal(("thing", "1.0", ">=3.9"), (metadata.Name, metadata.Version, metadata.RequiresPython));
        Assert.Equal(["jinja2", "zope-interface"], metadata.MandatoryDependencies(Pi));
        Assert.StartsWith("Metadata-Version: 2.1\n", Encoding.UTF8.GetString(metadata.Content.Span), StringComparison.Ordinal);
        Assert.Null(metadata.DisagreementWith(WheelFileName.Parse("Thing-1.0.0-py3-none-any.whl")));
    }

    [Theory]
    [InlineData("thing-1.1-py3-none-any.whl", "version")]
    [InlineData("other-1.0-py3-none-any.whl", "project")]
    public void A_wheel_under_another_name_is_found_out(string fileName, string expected) =>
        Assert.Contains(expected, Read(new WheelMaker().ToBytes()).DisagreementWith(WheelFileName.Parse(fileName)), StringComparison.Ordinal);

    [Fact]
    public void A_folder_of_another_project_is_found_out()
    {
        var metadata = Read(new WheelMaker("other") { Metadata = "Name: thing\nVersion: 1.0\n" }.ToBytes());
        Assert.Contains("folder", metadata.DisagreementWith(WheelFileName.Parse("thing-1.0-py3-none-any.whl")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Version: 1.0\n", "no name")]
    [InlineData("Name: thing\n", "no version")]
    [InlineData("Name: thing\nVersion: 1\nname: other\n", "twice")]
    [InlineData("Name: thing\nVersion: 1\nVersion: 2\n", "twice")]
    [InlineData("\nName: thing\nVersion: 1\n", "no name")]
    [InlineData("no field\nName: thing\nVersion: 1\n", "no name")]
    [InlineData("\0", "no name")]
    public void Metadata_without_one_name_and_one_version_is_refused(string text, string expected)
    {
        Assert.False(WheelMetadata.TryParse(Encoding.UTF8.GetBytes(text), out _, out var problem));
        Assert.Contains(expected, problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Name: thing\r\nVersion:\t1\r\nSummary: one\r\n  two\r\n\r\nName: body", "thing")]
    [InlineData("Name:\n thing\nVersion: 1\nSummary: caf\u00e9\n", "thing")]
    public void Fields_may_be_folded_and_end_at_an_empty_line(string text, string name)
    {
        Assert.True(WheelMetadata.TryParse(Encoding.UTF8.GetBytes(text), out var metadata, out _));
        Assert.Equal((name, "1"), (metadata.Name, metadata.Version));
    }

    [Theory]
    [InlineData(">=3.9", true)]
    [InlineData("3.9", false)]
    [InlineData("", false)]
    [InlineData(">=3.9<script>", false)]
    public void A_Requires_Python_that_is_none_is_left_out(string text, bool expected)
    {
        var content = Encoding.UTF8.GetBytes($"Name: a\nVersion: 1\nRequires-Python: {text}\n");
        Assert.True(WheelMetadata.TryParse(content, out var metadata, out _));
        Assert.Equal(expected, metadata.RequiresPython is not null);
    }

    [Fact]
    public void A_Requires_Python_longer_than_the_database_holds_is_left_out()
    {
        var text = string.Concat(Enumerable.Repeat("!=3.1,", 50));
        Assert.True(WheelMetadata.TryParse(Encoding.UTF8.GetBytes($"Name: a\nVersion: 1\nRequires-Python: {text}"), out var metadata, out _));
        Assert.Null(metadata.RequiresPython);
    }

    [Fact]
    public void Metadata_out_of_proportion_is_refused()
    {
        AssertRefused(new WheelMaker { Metadata = new string(' ', WheelMetadata.BytesMax + 1) }.ToBytes(), "larger");
        var many = string.Concat(Enumerable.Repeat("Requires-Dist: a\n", WheelMetadata.RequirementsMax + 1));
        AssertRefused(new WheelMaker { Fields = many.TrimEnd() }.ToBytes(), "too many");
    }

    [Fact]
    public void There_must_be_one_dist_info_folder_and_it_must_be_complete()
    {
        AssertRefused(new WheelMaker { HasFolder = false }.ToBytes(), "no .dist-info");
        AssertRefused(new WheelMaker().With("other-1.0.dist-info/METADATA", "Name: other\n").ToBytes(), "several");
        AssertRefused(new WheelMaker { HasFolder = false }.With("thing-1.0.dist-info/METADATA", "Name: thing\n").ToBytes(), "no WHEEL");
        AssertRefused(new WheelMaker { HasFolder = false }.With("deep/thing-1.0.dist-info/METADATA", "").ToBytes(), "no .dist-info");
    }

    [Theory]
    [InlineData("../evil.py")]
    [InlineData("/etc/passwd")]
    [InlineData("a/../../evil.py")]
    [InlineData("a//b.py")]
    [InlineData("./a.py")]
    [InlineData("a\\b.py")]
    [InlineData("C:evil.py")]
    [InlineData("a\nb.py")]
    [InlineData("..")]
    public void An_entry_that_leads_out_of_the_wheel_is_refused(string entry) =>
        AssertRefused(new WheelMaker().With(entry, "x").ToBytes(), "");

    [Fact]
    public void An_entry_that_is_there_twice_is_refused()
    {
        var maker = new WheelMaker();
        AssertRefused(maker.With($"{maker.Folder}/METADATA", "Name: other\nVersion: 1\n").ToBytes(), "twice");
    }

    [Theory]
    [InlineData(CompressionLevel.NoCompression)]
    [InlineData(CompressionLevel.SmallestSize)]
    public void A_content_with_a_wrong_checksum_is_refused(CompressionLevel level)
    {
        var wheel = new WheelMaker { Metadata = $"Name: thing\nVersion: 1.0\n\n{new string('x', 500)}" }.ToBytes(level);
        var at = wheel.AsSpan().IndexOf(level == CompressionLevel.NoCompression ? "Version"u8 : "METADATA"u8);
        wheel[at + 20] ^= 1;
        Assert.False(WheelMetadata.TryRead(new MemoryStream(wheel), out _, out _));
    }

    [Fact]
    public void A_content_that_unpacks_to_more_than_it_says_is_refused()
    {
        var wheel = new WheelMaker { Metadata = new string(' ', 100_000) }.ToBytes();
        PatchDirectory(wheel, "METADATA", 24, 1_000);
        AssertRefused(wheel, "size");
    }

    [Fact]
    public void A_name_that_differs_between_entry_and_directory_is_refused()
    {
        var wheel = new WheelMaker().ToBytes();
        var local = wheel.AsSpan().IndexOf("METADATA"u8);
        wheel[local] = (byte)'X';
        AssertRefused(wheel, "two names");
    }

    [Fact]
    public void Encrypted_and_overlapping_entries_are_refused()
    {
        var encrypted = new WheelMaker().ToBytes();
        PatchDirectory(encrypted, "METADATA", 8, 1);
        AssertRefused(encrypted, "encrypted");
        var overlapping = new WheelMaker().ToBytes();
        PatchDirectory(overlapping, "METADATA", 42, 0);
        AssertRefused(overlapping, "overlaps");
        var huge = new WheelMaker().ToBytes();
        PatchDirectory(huge, "METADATA", 20, int.MaxValue);
        AssertRefused(huge, "");
    }

    [Fact]
    public void Anything_before_or_behind_the_zip_is_refused()
    {
        var wheel = new WheelMaker().ToBytes();
        AssertRefused([.. wheel, 0], "");
        AssertRefused([0, .. wheel], "");
        AssertRefused([.. wheel, .. wheel], "");
        Assert.NotNull(Read(wheel));
    }

    [Fact]
    public void A_wheel_with_entries_beyond_16_bits_is_read()
    {
        var maker = new WheelMaker();
        for (var i = 0; i < 66_000; i++) maker.With($"thing/{i}", []);
        Assert.Equal("thing", Read(maker.ToBytes(CompressionLevel.NoCompression)).Name);
        for (var i = 66_000; i < WheelArchive.EntriesMax; i++) maker.With($"thing/{i}", []);
        AssertRefused(maker.ToBytes(CompressionLevel.NoCompression), "more than");
    }

    [Fact]
    public void Every_file_in_a_wheel_can_be_read()
    {
        var wheel = new WheelMaker().With("thing/data.bin", new byte[300_000]).With("thing/empty/", []).ToBytes();
        Assert.True(WheelArchive.TryOpen(new MemoryStream(wheel), out var archive, out _));
        Assert.Equal(5, archive.Entries.Count);
        foreach (var entry in archive.Entries)
        {
            using var content = archive.Open(entry);
            content.CopyTo(Stream.Null);
        }
    }

    [Property(MaxTest = 500)]
    public bool Whatever_bytes_are_changed_or_cut_reading_ends_with_an_answer(NonNegativeInt at, byte value, NonNegativeInt cut)
    {
        var wheel = new WheelMaker { Fields = "Requires-Dist: a" }.ToBytes();
        var tail = Math.Max(0, wheel.Length - 300);
        wheel[at.Get % 2 == 0 ? at.Get % wheel.Length : tail + (at.Get % (wheel.Length - tail))] = value;
        var length = cut.Get % 3 == 0 ? wheel.Length - (cut.Get % wheel.Length) : wheel.Length;
        return WheelMetadata.TryRead(new MemoryStream(wheel, 0, length), out _, out var problem) || problem.Length > 0;
    }

    private static WheelMetadata Read(byte[] wheel)
    {
        Assert.True(WheelMetadata.TryRead(new MemoryStream(wheel), out var metadata, out var problem), problem);
        return metadata!;
    }

    private static void AssertRefused(byte[] wheel, string expected)
    {
        Assert.False(WheelMetadata.TryRead(new MemoryStream(wheel), out _, out var problem));
        Assert.Contains(expected, problem, StringComparison.Ordinal);
    }

    // The directory's entry of a file has its name 46 bytes after its beginning
    private static void PatchDirectory(byte[] wheel, string name, int field, int value)
    {
        var at = wheel.AsSpan().LastIndexOf(Encoding.ASCII.GetBytes(name));
        var start = wheel.AsSpan(0, at).LastIndexOf("PK\u0001\u0002"u8);
        if (field == 8) wheel[start + field] |= (byte)value;
        else BitConverter.TryWriteBytes(wheel.AsSpan(start + field), value);
    }
}
