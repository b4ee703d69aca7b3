using Piwheels.Cli.Demo;
using Xunit;

namespace Piwheels.Tests.Slave;

public sealed class DemoPackagesTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("piw-test-demo-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void The_same_program_writes_the_same_archives()
    {
        var first = DemoPackages.Write(Path.Combine(_folder.FullName, "first"));
        var second = DemoPackages.Write(Path.Combine(_folder.FullName, "second"));

        Assert.Equal(
            ["piw_demo_app-1.0.0.tar.gz", "piw_demo_broken-1.0.0.tar.gz", "piw_demo_fastsum-1.0.0.tar.gz", "piw_demo_greeting-1.0.0.tar.gz"],
            first.Select(sdist => Path.GetFileName(sdist.Path)));
        Assert.All(
            first.Zip(second),
            pair => Assert.Equal(File.ReadAllBytes(pair.First.Path), File.ReadAllBytes(pair.Second.Path)));
        Assert.Equal(4, Directory.GetFiles(Path.Combine(_folder.FullName, "first")).Length);
    }

    [Fact]
    public void The_packages_share_one_backend()
    {
        var backends = typeof(DemoPackages).Assembly.GetManifestResourceNames()
            .Where(name => name.EndsWith("/demo_backend.py", StringComparison.Ordinal))
            .Select(ReadText)
            .ToList();

        Assert.Equal(DemoPackages.Names.Count, backends.Count);
        Assert.Single(backends.Distinct(StringComparer.Ordinal));
    }

    private static string ReadText(string resource)
    {
        using var reader = new StreamReader(typeof(DemoPackages).Assembly.GetManifestResourceStream(resource)!);
        return reader.ReadToEnd();
    }
}
