namespace Piwheels.Core.Packaging;

/// <summary>
/// An ABI on a platform, e.g. <c>cp311</c> on <c>linux_armv7l</c>: what wheels are built for. Both are tags as in
/// wheel file names (PEP 425).
/// </summary>
public readonly record struct Target(string Abi, string Platform)
{
    public override string ToString() => $"{Abi} on {Platform}";
}
