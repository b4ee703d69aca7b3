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

    /// <summary>
    /// What this program's slaves end the version of their system with, which no program interprets: so a master of this
    /// program knows that it may say more to them, and all others see nothing new. The number is that of the extension.
    /// </summary>
    public const string OwnMark = " +piw1";

    /// <summary>Whether it is marked as a slave of this program.</summary>
    public bool IsMarked => OsVersion.EndsWith(OwnMark, StringComparison.Ordinal);

    public SlaveHello Marked => IsMarked ? this : this with { OsVersion = OsVersion + OwnMark };

    public SlaveHello Unmarked => IsMarked ? this with { OsVersion = OsVersion[..^OwnMark.Length] } : this;
}
