using Piwheels.Core.States;

namespace Piwheels.Master;

/// <summary>A build's result that is kept on the disk while it is being recorded.</summary>
/// <param name="Number">The number that it is recorded under, which makes each attempt the same one.</param>
public sealed record KeptBuild(Guid Number, BuildState Build);
