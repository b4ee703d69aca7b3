using Piwheels.Core.States;

namespace Piwheels.Master;

/// <summary>What tasks tell of themselves to whoever asks how the farm is. Each may be asked from any thread.</summary>
public sealed record FarmFacts
{
    /// <summary>When the master began.</summary>
    public required DateTimeOffset Started { get; init; }

    /// <summary>Slaves by what they do, in small letters.</summary>
    public required Func<Task<IReadOnlyDictionary<string, long>>> CountSlaves { get; init; }

    /// <summary>Whether builds are given out, as far as the disk goes.</summary>
    public required Func<bool> GivesOutWork { get; init; }

    /// <summary>Where following the index stands; null where there is nothing to tell.</summary>
    public required Func<UpstreamState?> Upstream { get; init; }

    /// <summary>The last figures that monitors heard; null while there are none.</summary>
    public required Func<MasterStats?> Stats { get; init; }
}
