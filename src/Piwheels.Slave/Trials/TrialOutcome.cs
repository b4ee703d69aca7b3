using Piwheels.Core.Failures;

namespace Piwheels.Slave.Trials;

/// <summary>What came of importing what a wheel has.</summary>
internal abstract record TrialOutcome
{
    private TrialOutcome()
    {
    }

    /// <summary>There is no machine code in it, or nothing that could be imported.</summary>
    public sealed record NotTried : TrialOutcome;

    /// <summary>Everything was imported.</summary>
    /// <param name="Modules">The names, in their order.</param>
    public sealed record Passed(IReadOnlyList<string> Modules) : TrialOutcome;

    /// <summary>It says nothing about the wheel. Words of the package may be in the reason, on one line.</summary>
    public sealed record Inconclusive(string Why) : TrialOutcome;

    /// <summary>Machine code of the wheel itself cannot be loaded.</summary>
    /// <param name="Output">What was written meanwhile: the end of it.</param>
    public sealed record Failed(BuildFailure Failure, string Output) : TrialOutcome;
}
