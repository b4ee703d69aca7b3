using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;

namespace Piwheels.Master.Administration;

/// <summary>
/// Checks what a tool claims to have built. It runs on the master's own machine, but what it was given may come from
/// anywhere.
/// </summary>
public static class ImportCheck
{
    /// <summary>The longest time that a build can have taken.</summary>
    public static readonly TimeSpan DurationMax = TimeSpan.FromDays(7);

    /// <summary>An import that may begin where it is built for a target of the farm, with its texts made canonical; or why not.</summary>
    public static ImportStep Check(BuildState claim)
    {
        if (!claim.Status) return new ImportStep.Refuse("a failed build cannot be imported");
        if (claim.Files.Count == 0) return new ImportStep.Refuse("there are no files in this build");
        if (NameCheck.Release(claim.Package, claim.Version, out var release) is { } reason)
        {
            return new ImportStep.Refuse(reason);
        }

        if (claim.Duration < TimeSpan.Zero || claim.Duration > DurationMax)
        {
            return new ImportStep.Refuse($"a build cannot take {claim.Duration}");
        }

        return BuildClaim.Refusal(claim.Files, release, targets: null) is { } refusal
            ? new ImportStep.Refuse(refusal)
            : new ImportStep.Begin(Canonical(claim, release), release);
    }

    /// <summary>
    /// The same import with the target that it is recorded for; or why it is for none of the farm's. Without an ABI the
    /// lowest active one is meant, of those that the wheels run on.
    /// </summary>
    public static ImportStep Place(ImportStep.Begin begin, IReadOnlyList<TargetRow> farm)
    {
        var build = begin.Build;
        var targets = farm.Where(row => build.AbiTag is null ? row.Skip.Length == 0 : row.Target.Abi == build.AbiTag)
            .OrderBy(static row => row.Skip.Length > 0).ThenBy(static row => row.Target.Abi, InterpreterTag.Order)
            .ThenBy(static row => row.Target.Platform, StringComparer.Ordinal).Select(static row => row.Target).ToList();
        if (targets.Count == 0)
        {
            return new ImportStep.Refuse(build.AbiTag is null
                ? "nothing is built here for any ABI"
                : $"nothing is built here for {Excerpt.Of(build.AbiTag)}, but for {AbisOf(farm)}");
        }

        var own = targets.Find(target => build.Files.All(file => RunsOn(file, target)));
        if (own == default) own = targets.Find(target => RunsOn(build.Files[0], target));
        if (own != default) targets.RemoveAll(target => target.Abi != own.Abi);
        return BuildClaim.Refusal(build.Files, begin.Release, targets) is { } refusal
            ? new ImportStep.Refuse(refusal)
            : begin with { Build = build with { AbiTag = own.Abi, PlatformTag = own.Platform } };
    }

    private static bool RunsOn(FileState file, Target target) =>
        Coverage.Covers(WheelFileName.Parse(file.Filename).Tags, target);

    private static string AbisOf(IReadOnlyList<TargetRow> farm) => farm.Count == 0
        ? "no other"
        : string.Join(", ", farm.Select(static row => row.Target.Abi).Distinct().Order(InterpreterTag.Order));

    private static BuildState Canonical(BuildState claim, Release release) => claim with
    {
        SlaveId = 0,
        Package = release.Package.Value,
        Output = StoredLog.Clean(claim.Output),
        Files = BuildClaim.InOrder(claim.Files),
    };
}
