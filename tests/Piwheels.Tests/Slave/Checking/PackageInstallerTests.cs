using Piwheels.Slave.Checking;
using Xunit;
using Tool = Piwheels.Slave.Checking.PackageInstaller.Tool;

namespace Piwheels.Tests.Slave.Checking;

public sealed class PackageInstallerTests
{
    [Theory]
    [InlineData("debian", "apt install python3-dev")]
    [InlineData("raspbian debian", "apt install python3-dev")]
    [InlineData("linuxmint ubuntu debian", "apt install python3-dev")]
    [InlineData("alpine", "apk add python3-dev")]
    [InlineData("rocky rhel centos fedora", "dnf install python3-devel")]
    [InlineData("archarm arch", "pacman -S python")]
    [InlineData("", "apt install python3-dev")]
    [InlineData("nobody-knows-it", "apt install python3-dev")]
    public void What_is_missing_is_installed_as_the_distribution_does_it(string families, string command) =>
        Assert.Equal(command, PackageInstaller.Of(families.Split(' ')).Install(Tool.Headers));

    [Fact]
    public void Everything_that_may_be_missing_has_a_package_everywhere()
    {
        foreach (var family in (string[])["debian", "alpine", "fedora", "arch"])
        {
            Assert.All(
                Enum.GetValues<Tool>(),
                tool => Assert.Matches("^(apt install|apk add|dnf install|pacman -S) [a-z0-9]", PackageInstaller.Of([family]).Install(tool)));
        }
    }
}
