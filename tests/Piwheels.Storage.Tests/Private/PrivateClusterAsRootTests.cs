using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Piwheels.Storage.Private;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Storage.Tests.Private;

public sealed class PrivateClusterAsRootTests : IDisposable
{
    private static readonly TimeSpan RunLimit = TimeSpan.FromMinutes(10);

    private readonly TemporaryFolder _folder = new();

    public PrivateClusterAsRootTests() => Assert.SkipUnless(Environment.IsPrivilegedProcess, "for root alone");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Root_is_refused()
    {
        var refusal = await Assert.ThrowsAsync<PrivateClusterException>(
            () => PrivateCluster.EnsureAsync(_folder.Path, NullLogger.Instance));
        Assert.Contains("root", refusal.Message, StringComparison.Ordinal);
        Assert.Empty(_folder.Files());
    }

    [Fact]
    public async Task The_tests_of_private_clusters_pass_as_an_ordinary_user()
    {
        var start = new ProcessStartInfo("setpriv")
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            WorkingDirectory = "/tmp",
        };
        foreach (var argument in new[]
        {
            "--reuid=nobody", "--regid=nogroup", "--clear-groups",
            Environment.ProcessPath!.EndsWith("dotnet", StringComparison.Ordinal) ? Environment.ProcessPath : "dotnet",
            Path.Combine(AppContext.BaseDirectory, "Piwheels.Storage.Tests.dll"),
            "--filter-class", typeof(PrivateClusterTests).FullName!, "--results-directory", "/tmp",
        })
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["HOME"] = "/tmp";
        start.Environment.Remove("XDG_RUNTIME_DIR");
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(RunLimit);
        var output = await process.StandardOutput.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        Assert.True(process.ExitCode == 0, output);
    }
}
