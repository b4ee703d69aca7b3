using Piwheels.Core.Packaging;

namespace Piwheels.Core.States;

/// <summary>How a build slave introduces itself.</summary>
/// <param name="BuildTimeout">The longest time that it lets a build take.</param>
/// <param name="BusyTimeout">The longest silence before either side gives the other up.</param>
/// <param name="PyVersion">Python's version without dots, e.g. <c>311</c>.</param>
/// <param name="Abi">Its ABI tag, e.g. <c>cp311</c>.</param>
/// <param name="Platform">Its platform tag, e.g. <c>linux_armv7l</c>.</param>
public sealed record SlaveHello(
    TimeSpan BuildTimeout,
    TimeSpan BusyTimeout,
    string PyVersion,
    string Abi,
    string Platform,
    string Label,
    string OsName,
    string OsVersion,
    string BoardRevision,
    string BoardSerial)
{
    /// <summary>What this slave builds for.</summary>
    public Target Target => new(Abi, Platform);
}
