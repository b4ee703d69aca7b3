namespace Piwheels.Slave.Wheels;

/// <summary>What lies in a wheel that was read to its end.</summary>
/// <param name="Files">
/// The paths of its files as they are when it is installed; what does not go beside its modules has the path that it has
/// in the wheel.
/// </param>
/// <param name="Objects">Its programs and shared objects.</param>
/// <param name="Needs">What these need of the system.</param>
public sealed record WheelContents(
    IReadOnlyList<string> Files, IReadOnlyList<WheelObject> Objects, SystemNeeds Needs)
{
    public static readonly WheelContents Nothing = new([], [], SystemNeeds.None);
}
