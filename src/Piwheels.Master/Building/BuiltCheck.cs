using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Master.Building;

/// <summary>
/// Checks what a slave claims to have built before anything of it reaches the disk or the database. A slave runs other
/// people's code, so that its word counts for nothing: not for names, tags or sizes, nor for which package it was.
/// </summary>
/// <remarks>
/// A claim that is refused becomes a failed build with the reason at the end of its log. It is recorded as any other
/// failure, so that the release does not come back for ever, and people can read why.
/// </remarks>
public static class BuiltCheck
{
    /// <inheritdoc cref="StoredLog.LengthMax"/>
    public const int LogLengthMax = StoredLog.LengthMax;

    /// <summary>What is to be recorded: the claim as it was, in order and complete, or a failure that says why not.</summary>
    public static BuildState Check(int slaveId, SlaveHello hello, Release release, SlaveRequest.Built claim)
    {
        var target = hello.Target;
        var duration = claim.Duration;
        string? refusal = null;
        if (duration < TimeSpan.Zero || duration > SlaveSession.BuildTimeMax)
        {
            refusal = $"a build cannot take {duration}";
            duration = TimeSpan.Zero;
        }

        var build = new BuildState(
            slaveId, release.Package.Value, release.Version, target.Abi, claim.Status, duration,
            CleanLog(claim.Output), [], target.Platform);
        if (refusal is not null) return Failed(build, refusal);
        if (!claim.Status)
            return BuildFailure.TryReadEnd(build.Output, out var failure) ? build with { Failure = failure } : build;
        refusal = claim.Files.Count == 0 ? "it made no wheel" : BuildClaim.Refusal(claim.Files, release, [target]);
        return refusal is null ? build with { Files = BuildClaim.InOrder(claim.Files) } : Failed(build, refusal);
    }

    /// <summary>The same build as a failure; the reason is appended to its log, with its class as a slave would.</summary>
    public static BuildState Failed(BuildState build, string reason)
    {
        var separator = build.Output.Length == 0 || build.Output.EndsWith('\n') ? "" : "\n";
        var failure = new BuildFailure(FailureClass.BadWheel, $"the master refused it: {reason}");
        return build with
        {
            Status = false,
            Files = [],
            Failure = failure,
            Output = failure.AppendTo($"{build.Output}{separator}\nThe master refused this build: {StoredLog.WithoutNul(reason)}\n"),
        };
    }

    /// <inheritdoc cref="StoredLog.Clean"/>
    public static string CleanLog(string log) => StoredLog.Clean(log);
}
