using Piwheels.Core.Packaging;

namespace Piwheels.Core.Database;

/// <summary>
/// What people ask a farm to follow: for commands, which speak to the database directly. A running master sees a change
/// within seconds.
/// </summary>
public interface ISelectionRequests
{
    /// <summary>Replaces all that was asked for by the same origin; false when it is the same.</summary>
    /// <exception cref="DatabaseException">A text is too long.</exception>
    Task<bool> SetRequestsAsync(SelectionOrigin origin, SelectionWish wish);

    /// <summary>
    /// Adds to what was asked for; what the same origin asked of the same packages gives way. False when nothing changes.
    /// </summary>
    /// <exception cref="DatabaseException">A text is too long.</exception>
    Task<bool> AddRequestsAsync(SelectionOrigin origin, SelectionWish wish);

    /// <summary>Asks for packages no more, whoever did. They stay while others need them.</summary>
    Task RemoveRequestsAsync(IReadOnlyCollection<PackageName> packages);

    /// <summary>Limits the versions of packages no more, whoever did.</summary>
    Task RemoveConstraintsAsync(IReadOnlyCollection<PackageName> packages);
}

/// <summary>What is asked for at a time.</summary>
/// <param name="Constraints">What limits versions without being asked for itself.</param>
/// <param name="AllVersions">Of what is asked for by name, every version that matches.</param>
public sealed record SelectionWish(
    IReadOnlyList<Requirement> Requirements, IReadOnlyList<Requirement> Constraints, bool AllVersions = false);
