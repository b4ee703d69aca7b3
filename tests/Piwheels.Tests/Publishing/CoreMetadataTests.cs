using System.IO.Compression;
using Microsoft.Extensions.Logging.Abstractions;
using Piwheels.Master.Publishing;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Publishing;

public sealed class CoreMetadataTests : IDisposable
{
    private const string Wheel = "foo-1.0-py3-none-any.whl";
    private readonly TemporaryFolder _folder = new();
    private readonly CoreMetadata _metadata = new(new WholeFile(flush: false), NullLogger.Instance);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Metadata_is_taken_out_of_the_wheel()
    {
        Sample.WriteWheel(_folder, Wheel, "Name: foo\n");
        Assert.Equal(Sample.Sha256("Name: foo\n"u8.ToArray()), _metadata.HashOf(_folder[$"simple/foo/{Wheel}"]));
        Assert.Equal("Name: foo\n", File.ReadAllText(_folder[$"simple/foo/{Wheel}.metadata"]));
    }

    [Fact]
    public void Metadata_of_a_wheel_that_was_replaced_is_replaced()
    {
        Sample.WriteWheel(_folder, Wheel, "Name: old\n");
        _metadata.HashOf(_folder[$"simple/foo/{Wheel}"]);
        File.SetLastWriteTimeUtc(_folder[$"simple/foo/{Wheel}.metadata"], new DateTime(2001, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        Sample.WriteWheel(_folder, Wheel, "Name: new\n");
        Assert.Equal(Sample.Sha256("Name: new\n"u8.ToArray()), _metadata.HashOf(_folder[$"simple/foo/{Wheel}"]));
    }

    [Fact]
    public void Metadata_that_is_there_is_not_read_from_the_wheel_again()
    {
        Sample.WriteWheel(_folder, Wheel);
        var path = _folder.Write($"simple/foo/{Wheel}.metadata", "Name: here\n");
        File.SetLastWriteTimeUtc(path, File.GetLastWriteTimeUtc(path).AddDays(1));
        Assert.Equal(Sample.Sha256("Name: here\n"u8.ToArray()), _metadata.HashOf(_folder[$"simple/foo/{Wheel}"]));
    }

    [Fact]
    public void What_is_no_wheel_has_no_metadata()
    {
        var path = _folder.Write($"simple/foo/{Wheel}", "no archive");
        Assert.Null(_metadata.HashOf(path));
        Assert.Null(_metadata.HashOf(_folder["simple/foo/missing-1.0-py3-none-any.whl"]));
        Assert.Equal([$"simple/foo/{Wheel}"], _folder.Files());
    }

    [Theory]
    [InlineData("a-1.dist-info/METADATA", "b-1.dist-info/METADATA")]
    [InlineData("vendored/a-1.dist-info/METADATA")]
    [InlineData("METADATA")]
    [InlineData]
    public void A_wheel_without_its_one_metadata_has_none(params string[] entries)
    {
        Assert.Null(_metadata.HashOf(WriteZip(entries, size: 1)));
        Assert.DoesNotContain(_folder.Files(), file => file.EndsWith(".metadata", StringComparison.Ordinal));
    }

    [Fact]
    public void A_wheel_whose_metadata_swells_has_none()
    {
        Assert.Null(_metadata.HashOf(WriteZip(["a-1.dist-info/METADATA"], CoreMetadata.BytesMax + 1)));
        Assert.NotNull(_metadata.HashOf(WriteZip(["a-1.dist-info/METADATA"], CoreMetadata.BytesMax)));
    }

    private string WriteZip(string[] entries, int size)
    {
        var path = _folder[Wheel];
        using var zip = new ZipArchive(File.Create(path), ZipArchiveMode.Create);
        foreach (var entry in entries)
        {
            using var stream = zip.CreateEntry(entry).Open();
            stream.Write(new byte[size]);
        }

        return path;
    }
}
