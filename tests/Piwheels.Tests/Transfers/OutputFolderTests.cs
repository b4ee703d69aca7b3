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
    private static readonly byte[] Metadata = Encoding.UTF8.GetBytes("Metadata-Version: 2.1\nName: foo\nVersion: 1.0\n");
    private static readonly byte[] Content =
        new WheelMaker("foo") { Metadata = Encoding.UTF8.GetString(Metadata) }.ToBytes();

    private readonly TemporaryFolder _root = new();

    private string Published => Path.Combine(_root.Path, "simple", "foo");

    public void Dispose() => _root.Dispose();

    [Fact]
    public async Task A_wheel_is_moved_to_its_place_in_one_step()
    {
        var output = Open();
        var held = await HoldAsync(output);
        Directory.CreateDirectory(Published);
        var names = new BlockingCollection<string?>();
        using var watch = new FileSystemWatcher(Published);
        watch.Filter = "*.whl";
        watch.Created += (_, seen) => names.Add(seen.Name);
        watch.Renamed += (_, seen) => names.Add(seen.Name);
        watch.EnableRaisingEvents = true;

        Assert.True(output.Publish(held, replaces: false));

        Assert.Equal(Wheel, names.Take(TestContext.Current.CancellationToken));
        AssertPublished();
    }

    [Fact]
    public async Task A_simple_index_on_another_file_system_gets_it_too()
    {
        using var other = OnOtherFileSystem();
        var output = Open();

        Assert.True(output.Publish(await HoldAsync(output), replaces: false));

        AssertPublished();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    public async Task What_a_killed_attempt_left_beside_its_place_is_written_over(int length)
    {
        using var other = OnOtherFileSystem();
        var output = Open();
        var held = await HoldAsync(output);
        Directory.CreateDirectory(Published);
        var left = Path.Combine(Published, $".{held.Number}.tmp");
        File.WriteAllBytes(left, Content[..length]);
        File.WriteAllBytes(Path.Combine(Published, Wheel + ".metadata"), Metadata);

        var found = Assert.Single(Open().Held());
        Assert.True(output.Publish(found, replaces: false));

        AssertPublished();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_has_the_name_already_is_replaced_only_where_that_is_asked_for(bool replaces)
    {
        var output = Open();
        var held = await HoldAsync(output);
        Directory.CreateDirectory(Published);
        await File.WriteAllTextAsync(Path.Combine(Published, Wheel), "another");

        Assert.Equal(replaces, output.Publish(held, replaces));

        if (replaces) AssertPublished();
        else Assert.Equal("another", await File.ReadAllTextAsync(Path.Combine(Published, Wheel)));
        Assert.Equal(replaces, !File.Exists(held.Path));
    }

    [Fact]
    public async Task The_longest_name_that_is_taken_can_be_kept_and_published()
    {
        var name = WheelFileName.Parse($"foo-1.0-{new string('1', FileClaim.FileNameLengthMax - 25)}-py3-none-any.whl");
        Assert.Equal(FileClaim.FileNameLengthMax, name.FileName.Length);
        var output = Open();
        using var wheel = output.CreateTemporary();
        wheel.Write(0, Content);

        Assert.True(output.Publish(await output.HoldAsync(wheel, name, PackageName.Parse("foo"), "its hash"), replaces: false));

        Assert.True(File.Exists(Path.Combine(Published, name.FileName)));
    }

    [Fact]
    public async Task Killed_between_the_METADATA_and_the_wheel_the_next_start_has_the_wheel_to_publish()
    {
        var output = Open();
        var held = await HoldAsync(output);
        Directory.CreateDirectory(Published);
        await File.WriteAllBytesAsync(Path.Combine(Published, Wheel + ".metadata"), Metadata);

        var found = Assert.Single(Open().Held());
        Assert.True(output.Publish(found, replaces: false));

        AssertPublished();
    }

    private OutputFolder Open()
    {
        var output = new OutputFolder(_root.Path, flush: true);
        output.Clean();
        return output;
    }

    private static async Task<HeldFile> HoldAsync(OutputFolder output)
    {
        using var wheel = output.CreateTemporary();
        wheel.Write(0, Content);
        return await output.HoldAsync(
            wheel, WheelFileName.Parse(Wheel), PackageName.Parse("foo"), Convert.ToHexStringLower(SHA256.HashData(Content)));
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
