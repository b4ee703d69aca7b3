using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Piwheels.Core.Packaging;
using Piwheels.Master.Transfers;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Transfers;

/// <summary>Where wheels are kept and published, with a master that may be killed at any moment.</summary>
public sealed class OutputFolderTests : IDisposable
{
    private const string Wheel = "foo-1.0-py3-none-any.whl";
    private static readonly byte[] Content = Encoding.UTF8.GetBytes("the wheel");
    private static readonly byte[] Metadata = Encoding.UTF8.GetBytes("its METADATA");

    private readonly TemporaryFolder _root = new();

    private string Published => Path.Combine(_root.Path, "simple", "foo");

    public void Dispose() => _root.Dispose();

    [Fact]
    public void A_wheel_is_moved_to_its_place_in_one_step()
    {
        var output = Open();
        var held = Hold(output);
        Directory.CreateDirectory(Published);
        var names = new BlockingCollection<string?>();
        using var watch = new FileSystemWatcher(Published);
        watch.Created += (_, seen) => names.Add(seen.Name);
        watch.Renamed += (_, seen) => names.Add(seen.Name);
        watch.EnableRaisingEvents = true;

        output.Publish(held);

        Assert.Equal(Wheel + ".metadata", names.Take(TestContext.Current.CancellationToken));
        Assert.Equal(Wheel, names.Take(TestContext.Current.CancellationToken));
        AssertPublished();
    }

    [Fact]
    public void A_simple_index_on_another_file_system_gets_it_too()
    {
        using var other = OnOtherFileSystem();
        var output = Open();

        output.Publish(Hold(output));

        AssertPublished();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    public void What_a_killed_attempt_left_beside_its_place_is_written_over(int length)
    {
        using var other = OnOtherFileSystem();
        var output = Open();
        var held = Hold(output);
        Directory.CreateDirectory(Published);
        var left = Path.Combine(Published, $".{Path.GetFileName(held.Folder)}.tmp");
        File.WriteAllBytes(left, Content[..length]);
        File.WriteAllBytes(Path.Combine(Published, Wheel + ".metadata"), Metadata);

        var found = Assert.Single(Open().Held());
        output.Publish(found);

        AssertPublished();
    }

    [Fact]
    public void Killed_between_the_METADATA_and_the_wheel_the_next_start_has_the_wheel_to_publish()
    {
        var output = Open();
        var held = Hold(output);
        Directory.CreateDirectory(Published);
        File.Move(held.MetadataPath, Path.Combine(Published, Wheel + ".metadata"));

        var found = Assert.Single(Open().Held());
        output.Publish(found);

        AssertPublished();
    }

    private OutputFolder Open()
    {
        var output = new OutputFolder(_root.Path, flush: true);
        output.Clean();
        return output;
    }

    private static HeldFile Hold(OutputFolder output)
    {
        using var wheel = output.CreateTemporary();
        wheel.Write(0, Content);
        return output.Hold(
            wheel, Metadata, WheelFileName.Parse(Wheel), PackageName.Parse("foo"),
            Convert.ToHexStringLower(SHA256.HashData(Content)));
    }

    private TemporaryFolder OnOtherFileSystem()
    {
        const string Shared = "/dev/shm";
        Assert.SkipUnless(Directory.Exists(Shared), $"there is no {Shared}");
        var folder = new TemporaryFolder(Shared);
        File.CreateSymbolicLink(Path.Combine(_root.Path, "simple"), folder.Path);
        return folder;
    }

    private void AssertPublished()
    {
        Assert.Equal([Wheel, Wheel + ".metadata"], Directory.GetFiles(Published).Select(Path.GetFileName).Order());
        Assert.Equal(Content, File.ReadAllBytes(Path.Combine(Published, Wheel)));
        Assert.Equal(Metadata, File.ReadAllBytes(Path.Combine(Published, Wheel + ".metadata")));
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_root.Path, ".transfers")));
    }
}
