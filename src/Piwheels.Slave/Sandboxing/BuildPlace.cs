using Piwheels.Slave.Building;

namespace Piwheels.Slave.Sandboxing;

/// <summary>The folders of a build as the build itself sees them.</summary>
/// <param name="Wheels">Where it puts its wheels.</param>
/// <param name="Home">Its home folder.</param>
/// <param name="Temporary">For temporary files; on the disk, in the build folder.</param>
/// <param name="Work">Where it starts; empty.</param>
/// <param name="Store">What was fetched for a build without network.</param>
/// <param name="Slave">What the slave has put there for it to read.</param>
/// <param name="Network">The socket that leads to the slave's proxy.</param>
internal sealed record BuildPlace(
    string Wheels, string Home, string Temporary, string Work, string Store, string Slave, string Network)
{
    /// <summary>In a sandbox; the same for every build, so that nothing of the machine shows in what it makes.</summary>
    public static readonly BuildPlace Sandboxed = new(
        "/build/wheels", "/build/home", "/tmp", "/build/work", "/build/store", "/build/slave", "/build/net/proxy");

    /// <summary>Without a sandbox.</summary>
    public static BuildPlace Plain(BuildFolder folder) => new(
        folder.Wheels, folder.Home, folder.Temporary, folder.Work, folder.Store, folder.Slave, folder.Network);
}
