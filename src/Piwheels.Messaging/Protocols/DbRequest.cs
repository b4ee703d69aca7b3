using System.Formats.Cbor;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Cbor;

namespace Piwheels.Messaging.Protocols;

/// <summary>
/// What the master's tasks ask of the database: one message for each method of <see cref="IDatabase"/>, of the same
/// meaning. Most carry a package's name or a release and nothing else. What a text may be is the database's to say: of
/// a batch it leaves out what it cannot hold.
/// </summary>
public abstract partial record DbRequest : IWireMessage<DbRequest>
{
    private DbRequest()
    {
    }

    public abstract string Name { get; }

    public static DbRequest Read(ReadOnlyMemory<byte> payload) =>
        WireReader.ReadMessage(
            payload,
            static (reader, name, hasData) =>
                (hasData ? ReadWithData(reader, name) : ReadBare(name)) ?? throw WireReader.Unknown(name, hasData),
            nulAllowed: true);

    public void Write(CborWriter writer)
    {
        if (this is Bare)
        {
            writer.WriteTextString(Name);
            return;
        }

        writer.WriteStartMessage(Name);
        WriteData(writer);
        writer.WriteEndArray();
    }

    private protected abstract void WriteData(CborWriter writer);

    private static DbRequest? ReadBare(string name) => name switch
    {
        "ALLPKGS" => new GetAllPackages(),
        "ALLVERS" => new GetAllPackageVersions(),
        "GETPYPI" => new GetPypiSerial(),
        "GETSEL" => new GetSelection(),
        "GETNAMES" => new GetFollowedNames(),
        "FOLLOWALL" => new FollowAllVersions(),
        "SELREVISION" => new GetSelectionRevision(),
        "UNEXAMINED" => new GetUnexaminedFiles(),
        "UPPOLICIES" => new GetUpstreamPolicies(),
        "SELSTATUS" => new GetSelectionStatus(),
        "GETTARGETS" => new GetTargets(),
        "QUEUELENS" => new GetBuildQueueLengths(),
        "ALLBUILDS" => new GetAllBuildIds(),
        "GETSEARCH" => new GetSearchIndex(),
        "LOADRWB" => new LoadRewritesBacklog(),
        "LOADRWP" => new LoadRewritesPending(),
        "GETSTATS" => new GetStatistics(),
        "GETHISTORY" => new GetHistory(),
        _ => null,
    };

    private static DbRequest? ReadWithData(WireReader reader, string name) => name switch
    {
        "NEWPKG" => AddNewPackage.ReadData(reader),
        "NEWVER" => AddNewPackageVersion.ReadData(reader),
        "NEWPKGS" => AddNewPackages.ReadData(reader),
        "NEWVERS" => AddNewPackageVersions.ReadData(reader),
        "NEWPKGNAME" => AddPackageName.ReadData(reader),
        "GETDESC" => new GetPackageDescription(BuildStates.ReadPackage(reader)),
        "SETDESC" => SetPackageDescription.ReadData(reader),
        "GETPKGNAMES" => new GetPackageAliases(BuildStates.ReadPackage(reader)),
        "GETPROJNAME" => new GetProjectDisplayName(BuildStates.ReadPackage(reader)),
        "PKGEXISTS" => new TestPackage(BuildStates.ReadPackage(reader)),
        "VEREXISTS" => new TestPackageVersion(BuildStates.ReadRelease(reader)),
        "SKIPPKG" => SkipPackage.ReadData(reader),
        "SKIPVER" => SkipPackageVersion.ReadData(reader),
        "GETPKGSKIP" => new GetPackageSkip(BuildStates.ReadPackage(reader)),
        "GETSKIP" => new GetVersionSkip(BuildStates.ReadRelease(reader)),
        "PKGDELETED" => new PackageMarkedDeleted(BuildStates.ReadPackage(reader)),
        "VERSDELETED" => new GetVersionsDeleted(BuildStates.ReadPackage(reader)),
        "YANKVER" => new YankVersion(BuildStates.ReadRelease(reader)),
        "UNYANKVER" => new UnyankVersion(BuildStates.ReadRelease(reader)),
        "DELPKG" => new DeletePackage(BuildStates.ReadPackage(reader)),
        "DELVER" => new DeleteVersion(BuildStates.ReadRelease(reader)),
        "DELBUILD" => new DeleteBuild(BuildStates.ReadRelease(reader)),
        "MARKGONE" => MarkRemoved.ReadData(reader),
        "INDEXCHANGES" => ApplyIndexChanges.ReadData(reader),
        "DESCSOWED" => new GetDescriptionsOwed((int)reader.Integer("limit", 0, int.MaxValue)),
        "SETPYPI" => new SetPypiSerial(reader.Size("serial")),
        "SETNAMES" => new SetFollowedNames(SelectionRows.ReadNames(reader)),
        "PKGSSKIPPED" => new GetPackagesSkipped(reader.Text("skip reason", WireLimits.LongTextLengthMax)),
        "CHANGESKIPS" => ChangePackageSkips.ReadData(reader),
        "UPDSEL" => UpdateSelection.ReadData(reader),
        "EXAMINED" => new SetExamined(reader.Size("build id")),
        "OWEUPSTREAM" => new OweUpstream(reader.List("packages", WireLimits.RowsMax, BuildStates.ReadPackage)),
        "UPOWED" => new GetUpstreamOwed((int)reader.Integer("limit", 0, int.MaxValue)),
        "SETUPSTREAM" => SetUpstreamWheels.ReadData(reader),
        "GETABIS" => new GetBuildAbis(reader.Boolean("exclude skipped")),
        "NEWTARGET" => AddTarget.ReadData(reader),
        "SKIPTARGET" => SkipTarget.ReadData(reader),
        "DELTARGET" => new RemoveTarget(BuildStates.ReadTarget(reader)),
        "GETQUEUE" => new GetBuildQueue((int)reader.Integer("limit", 0, int.MaxValue)),
        "HOLDBUILDS" => new HoldBuilds(reader.List("holds", WireLimits.RowsMax, QueueRows.ReadHeld)),
        "GETHELD" => new GetHeldBuilds(reader.TryNull() ? null : BuildStates.ReadPackage(reader)),
        "RAISEPRIO" => RaisePriority.ReadData(reader),
        "LOGBUILD" => LogBuild.ReadData(reader),
        "LOGBUILDS" => LogBuilds.ReadData(reader),
        "DEFERBUILD" => DeferBuild.ReadData(reader),
        "RESUMEBUILDS" => new ResumeBuilds((int)reader.Integer("limit", 0, int.MaxValue)),
        "PROJDATA" => new GetProjectData(BuildStates.ReadPackage(reader)),
        "PROJVERS" => new GetProjectVersions(BuildStates.ReadPackage(reader)),
        "PROJFILES" => new GetProjectFiles(BuildStates.ReadPackage(reader)),
        "PKGFILES" => new GetPackageFiles(BuildStates.ReadPackage(reader)),
        "VERFILES" => new GetVersionFiles(BuildStates.ReadRelease(reader)),
        "NEWBUILDS" => new GetNewBuilds((int)reader.Integer("limit", 1, WireLimits.RowsMax)),
        "SEARCHSINCE" => new GetSearchChanges(reader.Text("mark", WireLimits.TextLengthMax)),
        "SAVERWP" => SaveRewritesPending.ReadData(reader),
        "OWEALL" => OweAllRewrites.ReadData(reader),
        "RWPDONE" => RewriteDone.ReadData(reader),
        "LOGACCESS" => LogAccess.ReadData(reader),
        "LOGDOWNLOAD" or "LOGSEARCH" or "LOGPROJECT" or "LOGJSON" or "LOGPAGE" =>
            LogHit.ReadData(reader, name),
        _ => null,
    };

    /// <summary>A request without data.</summary>
    public abstract record Bare : DbRequest
    {
        private protected override void WriteData(CborWriter writer) =>
            throw new InvalidOperationException($"{Name} carries no data");
    }

    /// <summary>A request about one package.</summary>
    public abstract record OfPackage(PackageName Package) : DbRequest
    {
        private protected override void WriteData(CborWriter writer) => writer.WriteTextString(Package.Value);
    }

    /// <summary>A request about one release.</summary>
    public abstract record OfRelease(Release Release) : DbRequest
    {
        private protected override void WriteData(CborWriter writer) => writer.Write(Release);
    }

    /// <summary>A request about one target.</summary>
    public abstract record OfTarget(Target Target) : DbRequest
    {
        private protected override void WriteData(CborWriter writer) => writer.Write(Target);
    }
}
