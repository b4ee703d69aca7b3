using Piwheels.Slave.Machine;
using Xunit;

namespace Piwheels.Tests.Slave;

public sealed class InstalledPackagesTests : IDisposable
{
    private const string Status = """
        Package: libxml2-dev
        Status: install ok installed
        Architecture: arm64
        Description: XML
         Status: install ok installed
        Version: 2.9

        Package: libgone-dev
        Status: deinstall ok config-files

        Package: libhalf-dev
        Status: install ok half-configured

        Package: libopenblas-pthread-dev
        Status: hold ok installed
        Provides: libopenblas-dev, libblas.so.3 (= 3), liblapack:any

        Package: libremoved-dev
        Status: deinstall ok config-files
        Provides: libalso-gone-dev
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("piw-apt-").FullName;

    private string StatusFile => Path.Combine(_folder, "status");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("libxml2-dev", true)]
    [InlineData("libopenblas-pthread-dev", true)]
    [InlineData("libopenblas-dev", true)]
    [InlineData("libblas.so.3", true)]
    [InlineData("liblapack", true)]
    [InlineData("libgone-dev", false)]
    [InlineData("libhalf-dev", false)]
    [InlineData("libalso-gone-dev", false)]
    [InlineData("libnever-dev", false)]
    public void What_is_installed_or_provided_is_there(string package, bool isThere)
    {
        File.WriteAllText(StatusFile, Status);
        Assert.Equal(isThere ? [package] : [], new InstalledPackages(StatusFile).Among([package]));
    }

    [Fact]
    public void A_machine_without_dpkg_has_none() => Assert.Empty(new InstalledPackages(StatusFile).Among(["libxml2-dev"]));

    [Fact]
    public void A_change_is_noticed_once()
    {
        File.WriteAllText(StatusFile, Status);
        var apt = new InstalledPackages(StatusFile);
        apt.Among([]);
        Assert.False(apt.HaveChanged);
        File.SetLastWriteTimeUtc(StatusFile, new DateTime(2030, 1, 2, 3, 4, 5, DateTimeKind.Utc));
        Assert.True(apt.HaveChanged);
        apt.Among([]);
        Assert.False(apt.HaveChanged);
    }
}
