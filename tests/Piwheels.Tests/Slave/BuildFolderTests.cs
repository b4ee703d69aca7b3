using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Piwheels.Slave.Building;
using Xunit;

namespace Piwheels.Tests.Slave;

public sealed class BuildFolderTests : IDisposable
{
    private readonly DirectoryInfo _parent = Directory.CreateTempSubdirectory("piw-test-folders-");

    public void Dispose() => _parent.Delete(recursive: true);

    [Fact]
    public void A_build_folder_is_for_its_owner_alone_and_goes_with_everything_in_it()
    {
        using (var folder = BuildFolder.Create(_parent.FullName, NullLogger.Instance))
        {
            Assert.Equal(
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
                File.GetUnixFileMode(folder.Path));
            File.WriteAllText(Path.Combine(folder.Work, "left"), "over");
            var closed = Directory.CreateDirectory(Path.Combine(folder.Home, "go", "mod"));
            File.WriteAllText(Path.Combine(closed.FullName, "cached"), "");
            closed.UnixFileMode = UnixFileMode.UserRead | UnixFileMode.UserExecute;
            Directory.CreateSymbolicLink(Path.Combine(folder.Home, "link"), _parent.FullName);
        }

        Assert.True(_parent.Exists);
        Assert.Empty(_parent.EnumerateFileSystemInfos());
    }

    [Fact]
    public void What_a_killed_slave_left_is_removed_and_nothing_else()
    {
        using var inUse = BuildFolder.Create(_parent.FullName, NullLogger.Instance);
        var abandoned = Abandon();
        var foreign = _parent.CreateSubdirectory("piw-slave-of-somebody");
        var link = Path.Combine(_parent.FullName, "piw-slave-link");
        Directory.CreateSymbolicLink(link, inUse.Path);

        BuildFolder.RemoveAbandoned(_parent.FullName, NullLogger.Instance);

        Assert.False(Directory.Exists(abandoned));
        Assert.True(Directory.Exists(inUse.Wheels));
        Assert.True(foreign.Exists);
        Assert.True(Directory.Exists(link));
    }

    [Fact]
    public async Task A_process_that_outlived_its_slave_is_ended_with_its_folder()
    {
        var abandoned = Abandon();
        using var survivor = Process.Start(
            new ProcessStartInfo("/usr/bin/sleep", "600") { WorkingDirectory = Path.Combine(abandoned, "work") })!;

        BuildFolder.RemoveAbandoned(_parent.FullName, NullLogger.Instance);

        await survivor.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(128 + 9, survivor.ExitCode);
        Assert.False(Directory.Exists(abandoned));
    }

    /// <summary>What is left when the slave dies: everything but the lock on the lock file.</summary>
    private string Abandon()
    {
        var path = Path.Combine(_parent.FullName, "piw-slave-0123456789abcdef");
        Directory.CreateDirectory(Path.Combine(path, "work"));
        File.WriteAllText(Path.Combine(path, ".lock"), "");
        return path;
    }
}
