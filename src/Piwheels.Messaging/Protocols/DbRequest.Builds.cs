using System.Formats.Cbor;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Cbor;

namespace Piwheels.Messaging.Protocols;

/// <summary>Requests about the index that is followed, the build queue and builds.</summary>
public abstract partial record DbRequest
{
    /// <summary>See <see cref="IDatabase.GetPypiSerialAsync"/>.</summary>
    public sealed record GetPypiSerial : Bare
    {
        public override string Name => "GETPYPI";
    }

    /// <summary>See <see cref="IDatabase.SetPypiSerialAsync"/>.</summary>
    public sealed record SetPypiSerial(long Serial) : DbRequest
    {
        public override string Name => "SETPYPI";

        private protected override void WriteData(CborWriter writer) => writer.WriteInt64(Serial);
    }

    /// <summary>See <see cref="IDatabase.GetSelectionAsync"/>.</summary>
    public sealed record GetSelection : Bare
    {
        public override string Name => "GETSEL";
    }

    /// <summary>See <see cref="IDatabase.GetSelectionRevisionAsync"/>.</summary>
    public sealed record GetSelectionRevision : Bare
    {
        public override string Name => "SELREVISION";
    }

    /// <summary>See <see cref="IDatabase.UpdateSelectionAsync"/>.</summary>
    public sealed record UpdateSelection(long Revision, SelectionEntry Entry) : DbRequest
    {
        public override string Name => "UPDSEL";

        internal static UpdateSelection ReadData(WireReader reader)
        {
            reader.StartRecord("update");
            var request = new UpdateSelection(reader.Size("revision"), SelectionRows.ReadEntry(reader));
            reader.EndRecord("update");
            return request;
        }

        private protected override void WriteData(CborWriter writer)
        {
            writer.WriteStartArray(2);
            writer.WriteInt64(Revision);
            writer.Write(Entry);
            writer.WriteEndArray();
        }
    }

    /// <summary>See <see cref="IDatabase.GetUnexaminedFilesAsync"/>.</summary>
    public sealed record GetUnexaminedFiles : Bare
    {
        public override string Name => "UNEXAMINED";
    }

    /// <summary>See <see cref="IDatabase.SetExaminedAsync"/>.</summary>
    public sealed record SetExamined(long BuildId) : DbRequest
    {
        public override string Name => "EXAMINED";

        private protected override void WriteData(CborWriter writer) => writer.WriteInt64(BuildId);
    }

    /// <summary>See <see cref="IDatabase.GetSelectionStatusAsync"/>.</summary>
    public sealed record GetSelectionStatus : Bare
    {
        public override string Name => "SELSTATUS";
    }

    /// <summary>See <see cref="IDatabase.GetBuildAbisAsync"/>.</summary>
    public sealed record GetBuildAbis(bool ExcludeSkipped) : DbRequest
    {
        public override string Name => "GETABIS";

        private protected override void WriteData(CborWriter writer) => writer.WriteBoolean(ExcludeSkipped);
    }

    /// <summary>See <see cref="IDatabase.GetTargetsAsync"/>.</summary>
    public sealed record GetTargets : Bare
    {
        public override string Name => "GETTARGETS";
    }

    /// <summary>See <see cref="IDatabase.AddTargetAsync"/>.</summary>
    public sealed record AddTarget(Target Target, Glibc? Glibc) : DbRequest
    {
        public override string Name => "NEWTARGET";

        internal static AddTarget ReadData(WireReader reader)
        {
            reader.StartRecord("target");
            var request = new AddTarget(BuildStates.ReadTarget(reader), DatabaseRows.ReadGlibc(reader));
            reader.EndRecord("target");
            return request;
        }

        private protected override void WriteData(CborWriter writer)
        {
            writer.WriteStartArray(2);
            writer.Write(Target);
            writer.Write(Glibc);
            writer.WriteEndArray();
        }
    }

    /// <summary>See <see cref="IDatabase.SkipTargetAsync"/>.</summary>
    public sealed record SkipTarget(Target Target, string Reason) : DbRequest
    {
        public override string Name => "SKIPTARGET";

        internal static SkipTarget ReadData(WireReader reader)
        {
            reader.StartRecord("skip");
            var request = new SkipTarget(
                BuildStates.ReadTarget(reader),
                reader.Text("skip reason", WireLimits.LongTextLengthMax));
            reader.EndRecord("skip");
            return request;
        }

        private protected override void WriteData(CborWriter writer)
        {
            writer.WriteStartArray(2);
            writer.Write(Target);
            writer.WriteTextString(Reason);
            writer.WriteEndArray();
        }
    }

    /// <summary>See <see cref="IDatabase.RemoveTargetAsync"/>.</summary>
    public sealed record RemoveTarget(Target Target) : OfTarget(Target)
    {
        public override string Name => "DELTARGET";
    }

    /// <summary>See <see cref="IDatabase.GetBuildQueueAsync"/>.</summary>
    public sealed record GetBuildQueue(int Limit) : DbRequest
    {
        public override string Name => "GETQUEUE";

        private protected override void WriteData(CborWriter writer) => writer.WriteInt32(Limit);
    }

    /// <summary>See <see cref="IDatabase.GetBuildQueueLengthsAsync"/>.</summary>
    public sealed record GetBuildQueueLengths : Bare
    {
        public override string Name => "QUEUELENS";
    }

    /// <summary>See <see cref="IDatabase.RaisePriorityAsync"/>.</summary>
    public sealed record RaisePriority(PackageName Package, string? Version) : DbRequest
    {
        public override string Name => "RAISEPRIO";

        internal static RaisePriority ReadData(WireReader reader)
        {
            reader.StartRecord("priority");
            var request = new RaisePriority(
                BuildStates.ReadPackage(reader), reader.NullableText("version", WireLimits.TextLengthMax));
            reader.EndRecord("priority");
            return request;
        }

        private protected override void WriteData(CborWriter writer)
        {
            writer.WriteStartArray(2);
            writer.WriteTextString(Package.Value);
            writer.WriteNullableText(Version);
            writer.WriteEndArray();
        }
    }

    /// <summary>See <see cref="IDatabase.HoldBuildsAsync"/>.</summary>
    public sealed record HoldBuilds(IReadOnlyList<HeldBuild> Changes) : DbRequest
    {
        public override string Name => "HOLDBUILDS";

        private protected override void WriteData(CborWriter writer) =>
            writer.WriteList(Changes, static (w, held) => w.Write(held));
    }

    /// <summary>See <see cref="IDatabase.GetHeldBuildsAsync"/>.</summary>
    public sealed record GetHeldBuilds(PackageName? Package) : DbRequest
    {
        public override string Name => "GETHELD";

        private protected override void WriteData(CborWriter writer) => writer.WriteNullableText(Package?.Value);
    }

    /// <summary>See <see cref="IDatabase.LogBuildAsync"/>; the log's text is kept as a file and stays behind.</summary>
    public sealed record LogBuild(BuildState Build, Guid? Request) : DbRequest
    {
        public override string Name => "LOGBUILD";

        internal static LogBuild ReadData(WireReader reader)
        {
            reader.StartRecord("build");
            var request = reader.NullableUuid("request");
            var build = new BuildState(
                SlaveId: reader.SlaveId(),
                Package: reader.Text("package", WireLimits.TextLengthMax),
                Version: reader.Text("version", WireLimits.TextLengthMax),
                AbiTag: reader.NullableText("ABI tag", WireLimits.TextLengthMax),
                PlatformTag: reader.NullableText("platform tag", WireLimits.TextLengthMax),
                Status: reader.Boolean("status"),
                Duration: reader.Duration("duration"),
                Output: "",
                Files: BuildStates.ReadFiles(reader).Files)
            {
                Failure = BuildStates.ReadFailure(reader),
            };
            reader.EndRecord("build");
            return new LogBuild(build, request);
        }

        private protected override void WriteData(CborWriter writer)
        {
            writer.WriteStartArray(10);
            writer.WriteNullableUuid(Request);
            writer.WriteInt32(Build.SlaveId);
            writer.WriteTextString(Build.Package);
            writer.WriteTextString(Build.Version);
            writer.WriteNullableText(Build.AbiTag);
            writer.WriteNullableText(Build.PlatformTag);
            writer.WriteBoolean(Build.Status);
            writer.WriteDuration(Build.Duration);
            writer.WriteFiles(Build.Files, FileStateForm.WithLocation);
            writer.WriteFailure(Build.Failure);
            writer.WriteEndArray();
        }
    }

    /// <summary>See <see cref="IBuildRetries.DeferBuildAsync"/>.</summary>
    public sealed record DeferBuild(LogBuild Attempt, IReadOnlyList<TimeSpan> Delays) : DbRequest
    {
        public override string Name => "DEFERBUILD";

        internal static DeferBuild ReadData(WireReader reader)
        {
            reader.StartRecord("deferral");
            var request = new DeferBuild(
                LogBuild.ReadData(reader),
                reader.List("delays", WireLimits.RowsMax, static r => r.Duration("delay")));
            reader.EndRecord("deferral");
            return request;
        }

        private protected override void WriteData(CborWriter writer)
        {
            writer.WriteStartArray(2);
            Attempt.WriteData(writer);
            writer.WriteList(Delays, static (w, delay) => w.WriteDuration(delay));
            writer.WriteEndArray();
        }
    }

    /// <summary>See <see cref="IBuildRetries.ResumeBuildsAsync"/>.</summary>
    public sealed record ResumeBuilds(int Limit) : DbRequest
    {
        public override string Name => "RESUMEBUILDS";

        private protected override void WriteData(CborWriter writer) => writer.WriteInt32(Limit);
    }

    /// <summary>See <see cref="IDatabase.GetAllBuildIdsAsync"/>.</summary>
    public sealed record GetAllBuildIds : Bare
    {
        public override string Name => "ALLBUILDS";
    }
}
