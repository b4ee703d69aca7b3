using System.Text;
using Piwheels.Master.Publishing;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Publishing;

[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class WholeFileTests : IDisposable
{
    private static readonly DateTime LongAgo = new(2001, 1, 1, 0, 0, 0, DateTimeKind.Utc);
    private readonly TemporaryFolder _folder = new();
    private readonly WholeFile _files = new(flush: true);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_is_written_readable_for_all()
    {
        Assert.True(_files.Write(_folder["page"], "text"u8));
        Assert.Equal("text", File.ReadAllText(_folder["page"]));
        Assert.Equal("644", Convert.ToString((int)File.GetUnixFileMode(_folder["page"]), 8));
        Assert.Equal(["page"], _folder.Files());
    }

    [Theory]
    [InlineData("text", "text", false)]
    [InlineData("text", "tent", true)]
    [InlineData("text", "texts", true)]
    [InlineData("text", "", true)]
    public void A_file_is_touched_only_when_its_content_changes(string before, string after, bool written)
    {
        File.SetLastWriteTimeUtc(_folder.Write("page", before), LongAgo);
        Assert.Equal(written, _files.Write(_folder["page"], Encoding.UTF8.GetBytes(after)));
        Assert.Equal(after, File.ReadAllText(_folder["page"]));
        Assert.Equal(!written, File.GetLastWriteTimeUtc(_folder["page"]) == LongAgo);
    }

    [Theory]
    [InlineData(0, 0, false)]
    [InlineData(200_000, 200_000, false)]
    [InlineData(200_000, 200_001, true)]
    [InlineData(65_536, 131_072, true)]
    public void A_large_file_is_touched_only_when_its_content_changes(int before, int after, bool written)
    {
        _folder.Write("page", new string('x', before));
        Assert.Equal(written,
            _files.Write(_folder["page"], stream => stream.Write(Encoding.ASCII.GetBytes(new string('x', after)))));
        Assert.Equal(after, new FileInfo(_folder["page"]).Length);
        Assert.Equal(["page"], _folder.Files());
    }

    [Fact]
    public void A_failure_leaves_the_old_file_and_nothing_else()
    {
        _folder.Write("page", "old");
        Assert.Throws<IOException>(() => _files.Write(_folder["page"], stream =>
        {
            stream.Write("half"u8);
            throw new IOException("disk full");
        }));
        Assert.Equal("old", File.ReadAllText(_folder["page"]));
        Assert.Equal(["page"], _folder.Files());
    }

    [Fact]
    public void A_link_is_replaced_and_its_target_left_alone()
    {
        _folder.Write("target", "text");
        File.CreateSymbolicLink(_folder["page"], "target");
        Assert.True(_files.Write(_folder["page"], "text"u8));
        Assert.Null(new FileInfo(_folder["page"]).LinkTarget);
        Assert.Equal("text", File.ReadAllText(_folder["target"]));
    }

    [Theory]
    [InlineData("a file")]
    [InlineData("link to elsewhere")]
    [InlineData("")]
    public void A_link_takes_the_place_of_what_was_there_in_one_step(string before)
    {
        if (before == "a file") _folder.Write("page", "old");
        else if (before.Length > 0) File.CreateSymbolicLink(_folder["page"], "elsewhere");
        Directory.CreateDirectory(_folder["work"]);
        _files.WriteLink(_folder["page"], "target", _folder["work"]);
        Assert.Equal("target", new FileInfo(_folder["page"]).LinkTarget);
        Assert.Equal(["page"], _folder.Files());
    }

    [Fact]
    public void A_link_that_cannot_take_its_place_leaves_nothing()
    {
        _folder.Write("page/file", "a folder in the way");
        Assert.Throws<IOException>(() => _files.WriteLink(_folder["page"], "target", _folder.Path));
        Assert.Equal(["page/file"], _folder.Files());
    }

    [Fact]
    public void With_flushing_a_file_is_as_whole()
    {
        var flushing = new WholeFile(flush: true);
        Assert.True(flushing.Write(_folder["page"], "text"u8));
        Assert.False(flushing.Write(_folder["page"], "text"u8));
        Assert.Equal("text", File.ReadAllText(_folder["page"]));
    }
}
