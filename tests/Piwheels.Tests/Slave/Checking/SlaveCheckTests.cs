using System.Net;
using System.Net.Sockets;
using Piwheels.Slave;
using Piwheels.Slave.Checking;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Slave.Checking;

public sealed class SlaveCheckTests
{
    [Fact]
    public async Task A_machine_that_has_all_is_told_so_item_by_item()
    {
        using var folder = new TemporaryFolder();
        using var master = new TcpListener(IPAddress.Loopback, 0);
        master.Start();
        var address = $"tcp://127.0.0.1:{((IPEndPoint)master.LocalEndpoint).Port}";
        var findings = await CheckAsync(new SlaveConfiguration
        {
            Dir = folder.Path,
            SlaveQueue = address,
            FileQueue = address,
        });
        foreach (var subject in (string[])["Python", "compiler", "Python.h", "folder", "libzmq", "slave queue", "file queue"])
            Assert.Equal((subject, CheckGrade.Good), (subject, findings[subject].Grade));
        Assert.Contains("pip", findings["Python"].Fact, StringComparison.Ordinal);
        Assert.Equal(folder.Path, findings["folder"].Fact);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public async Task An_interpreter_that_is_not_there_is_fatal_and_has_a_command()
    {
        using var folder = new TemporaryFolder();
        var findings = await CheckAsync(new SlaveConfiguration { Dir = folder.Path, Python = "/nonexistent/python3" });
        Assert.Equal(CheckGrade.Fatal, findings["Python"].Grade);
        Assert.Contains("/nonexistent/python3", findings["Python"].Fact, StringComparison.Ordinal);
        Assert.NotNull(findings["Python"].Mending);
    }

    [Fact]
    public async Task A_folder_that_is_not_there_is_fatal()
    {
        using var folder = new TemporaryFolder();
        var finding = (await CheckAsync(new SlaveConfiguration { Dir = folder["not/there"] }))["folder"];
        Assert.Equal(CheckGrade.Fatal, finding.Grade);
        Assert.Contains(folder["not/there"], finding.Mending, StringComparison.Ordinal);
        Assert.Empty(folder.Files());
    }

    [Fact]
    public async Task A_master_that_does_not_answer_is_told_with_its_address_but_is_not_fatal()
    {
        using var folder = new TemporaryFolder();
        using var closed = new TcpListener(IPAddress.Loopback, 0);
        closed.Start();
        var address = $"tcp://127.0.0.1:{((IPEndPoint)closed.LocalEndpoint).Port}";
        closed.Stop();
        var finding = (await CheckAsync(new SlaveConfiguration { Dir = folder.Path, SlaveQueue = address }))["slave queue"];
        Assert.Equal(CheckGrade.Poor, finding.Grade);
        Assert.StartsWith(address, finding.Fact, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("master:5555")]
    [InlineData("http://master:5555")]
    [InlineData("tcp://master")]
    public async Task An_address_that_is_none_is_fatal(string address)
    {
        using var folder = new TemporaryFolder();
        var finding = (await CheckAsync(new SlaveConfiguration { Dir = folder.Path, FileQueue = address }))["file queue"];
        Assert.Equal(CheckGrade.Fatal, finding.Grade);
        Assert.Contains(address, finding.Fact, StringComparison.Ordinal);
    }

    private static async Task<Dictionary<string, CheckFinding>> CheckAsync(SlaveConfiguration configuration)
    {
        var findings = await SlaveCheck.RunAsync(configuration, TimeProvider.System, TestContext.Current.CancellationToken);
        return findings.ToDictionary(finding => finding.Subject);
    }
}
