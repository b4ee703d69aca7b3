using System.Text.RegularExpressions;
using Piwheels.Core.Failures;

namespace Piwheels.Slave.Failures;

/// <summary>How much a line of a log says about why the build failed. Of the weightiest, the last one counts.</summary>
internal enum FailureWeight
{
    /// <summary>What goes wrong after something else has.</summary>
    Consequence,

    /// <summary>What a build system says in the end of what it has said before.</summary>
    Summary,

    /// <summary>One thing that is wrong; features are tried out like this too, so what comes later counts.</summary>
    Cause,

    /// <summary>pip's own word, which ends the build.</summary>
    Verdict,

    /// <summary>The machine's state, which everything else may follow from.</summary>
    Machine,
}

/// <summary>What kind of thing is missing, for whoever knows where Debian has it.</summary>
internal enum MissingKind
{
    Nothing,
    Header,
    Library,
    PkgConfig,
    Program,
    CMake,
}

/// <summary>A line that says why a build failed.</summary>
/// <param name="Line">Matches it; the group "name", if there is one, is what is missing.</param>
internal sealed record FailureRule(
    FailureWeight Weight, FailureClass Class, Regex Line, MissingKind Kind = MissingKind.Nothing);
