using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Piwheels.Core.Packaging;
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

    private string Metadata => File.ReadAllText(_folder[$"simple/foo/{Wheel}.metadata"]);

    private string? Hash() => _metadata.HashOf(_folder[$"simple/foo/{Wheel}"]);

    [Fact]
    public void Metadata_is_taken_out_of_the_wheel()
    {
        Sample.WriteWheel(_folder, Wheel, "License: MIT");
        Assert.Equal(Hash(), Sample.Sha256(File.ReadAllBytes(_folder[$"simple/foo/{Wheel}.metadata"])));
        Assert.Contains("Name: foo\nVersion: 1.0\nLicense: MIT\n", Metadata, StringComparison.Ordinal);
    }

    [Fact]
    public void Metadata_of_a_wheel_that_was_replaced_is_replaced()
    {
        Sample.WriteWheel(_folder, Wheel, "License: old");
        var before = Hash();
        File.SetLastWriteTimeUtc(_folder[$"simple/foo/{Wheel}.metadata"],
            new DateTime(2001, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        Sample.WriteWheel(_folder, Wheel, "License: new");
        Assert.NotEqual(before, Hash());
        Assert.Contains("License: new", Metadata, StringComparison.Ordinal);
    }

    [Fact]
    public void Metadata_that_is_there_is_not_read_from_the_wheel_again()
    {
        Sample.WriteWheel(_folder, Wheel);
        var path = _folder.Write($"simple/foo/{Wheel}.metadata", "Name: here\n");
        File.SetLastWriteTimeUtc(path, File.GetLastWriteTimeUtc(path).AddDays(1));
        Assert.Equal(Sample.Sha256("Name: here\n"u8.ToArray()), Hash());
    }

    [Fact]
    public void Metadata_that_is_replaced_by_as_long_a_one_has_another_hash_though_the_first_is_remembered()
    {
        Sample.WriteWheel(_folder, Wheel);
        var date = File.GetLastWriteTimeUtc(_folder[$"simple/foo/{Wheel}"]);
        foreach (var text in (string[])["Name: one\n", "Name: one\n", "Name: two\n"])
        {
            var path = _folder.Write($"simple/foo/{Wheel}.metadata", text);
            File.SetLastWriteTimeUtc(path, date.AddSeconds(text[^2]));
            Assert.Equal(Sample.Sha256(Encoding.UTF8.GetBytes(text)), Hash());
        }
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
    [InlineData("Name: foo\nVersion: 2.0\n")]
    [InlineData("Name: other\nVersion: 1.0\n")]
    [InlineData("Name: foo\n")]
    [InlineData("")]
    public void Metadata_that_is_another_wheels_is_not_published(string metadata) =>
        AssertNone(new WheelMaker("foo") { Metadata = metadata });

    [Fact]
    public void A_wheel_without_its_one_metadata_has_none()
    {
        AssertNone(new WheelMaker("foo") { HasFolder = false });
        AssertNone(new WheelMaker("foo").With("bar-1.0.dist-info/METADATA", "Name: bar\nVersion: 1.0\n"));
    }

    [Fact]
    public void Metadata_beyond_all_measure_is_not_published() =>
        AssertNone(new WheelMaker("foo")
        {
            Metadata = "Name: foo\nVersion: 1.0\n\n" + new string('x', WheelMetadata.BytesMax),
        });

    private void AssertNone(WheelMaker wheel)
    {
        Assert.Null(_metadata.HashOf(wheel.WriteTo(_folder.Path)));
        Assert.Equal([wheel.FileName], _folder.Files());
    }
}
