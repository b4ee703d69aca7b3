using System.Formats.Cbor;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Cbor;

namespace Piwheels.Messaging.Protocols;

/// <summary>Requests about pages, accesses and statistics.</summary>
public abstract partial record DbRequest
{
    /// <summary>See <see cref="IDatabase.GetProjectDataAsync"/>.</summary>
    public sealed record GetProjectData(PackageName Package) : OfPackage(Package)
    {
        public override string Name => "PROJDATA";
    }

    /// <summary>See <see cref="IDatabase.GetProjectVersionsAsync"/>.</summary>
    public sealed record GetProjectVersions(PackageName Package) : OfPackage(Package)
    {
        public override string Name => "PROJVERS";
    }

    /// <summary>See <see cref="IDatabase.GetProjectFilesAsync"/>.</summary>
    public sealed record GetProjectFiles(PackageName Package) : OfPackage(Package)
    {
        public override string Name => "PROJFILES";
    }

    /// <summary>See <see cref="IDatabase.GetPackageFilesAsync"/>.</summary>
    public sealed record GetPackageFiles(PackageName Package) : OfPackage(Package)
    {
        public override string Name => "PKGFILES";
    }

    /// <summary>See <see cref="IDatabase.GetVersionFilesAsync"/>.</summary>
    public sealed record GetVersionFiles(Release Release) : OfRelease(Release)
    {
        public override string Name => "VERFILES";
    }

    /// <summary>See <see cref="IDatabase.GetSearchIndexAsync"/>.</summary>
    public sealed record GetSearchIndex : Bare
    {
        public override string Name => "GETSEARCH";
    }

    /// <summary>See <see cref="IDatabase.GetSearchChangesAsync"/>.</summary>
    public sealed record GetSearchChanges(string Since) : DbRequest
    {
        public override string Name => "SEARCHSINCE";

        private protected override void WriteData(CborWriter writer) => writer.WriteTextString(Since);
    }

    /// <summary>See <see cref="IDatabase.LoadRewritesPendingAsync"/>.</summary>
    public sealed record LoadRewritesPending : Bare
    {
        public override string Name => "LOADRWP";
    }

    /// <summary>See <see cref="IDatabase.LoadRewritesBacklogAsync"/>.</summary>
    public sealed record LoadRewritesBacklog : Bare
    {
        public override string Name => "LOADRWB";
    }

    /// <summary>See <see cref="IDatabase.SaveRewritesPendingAsync"/>.</summary>
    public sealed record SaveRewritesPending(IReadOnlyList<RewritePending> Queue) : DbRequest
    {
        public override string Name => "SAVERWP";

        internal static SaveRewritesPending ReadData(WireReader reader) =>
            new(reader.List("queue", WireLimits.RowsMax, DatabaseRows.ReadRewrite));

        private protected override void WriteData(CborWriter writer) =>
            writer.WriteList(Queue, static (w, rewrite) => w.Write(rewrite));
    }

    /// <summary>See <see cref="IDatabase.OweAllRewritesAsync"/>.</summary>
    public sealed record OweAllRewrites(RewriteCommand Wanted, PackageName? After) : DbRequest
    {
        public override string Name => "OWEALL";

        internal static OweAllRewrites ReadData(WireReader reader)
        {
            reader.StartRecord("rewrites");
            var request = new OweAllRewrites(
                DatabaseRows.ReadCommand(reader), reader.TryNull() ? null : BuildStates.ReadPackage(reader));
            reader.EndRecord("rewrites");
            return request;
        }

        private protected override void WriteData(CborWriter writer)
        {
            writer.WriteStartArray(2);
            writer.WriteTextString(DatabaseRows.NameOf(Wanted));
            writer.WriteNullableText(After?.Value);
            writer.WriteEndArray();
        }
    }

    /// <summary>See <see cref="IDatabase.RewriteDoneAsync"/>.</summary>
    public sealed record RewriteDone(PackageName Package, RewriteCommand Done, long Revision) : DbRequest
    {
        public override string Name => "RWPDONE";

        internal static RewriteDone ReadData(WireReader reader)
        {
            reader.StartRecord("rewrite");
            var request = new RewriteDone(
                BuildStates.ReadPackage(reader),
                DatabaseRows.ReadCommand(reader),
                reader.Size("revision"));
            reader.EndRecord("rewrite");
            return request;
        }

        private protected override void WriteData(CborWriter writer)
        {
            writer.WriteStartArray(3);
            writer.WriteTextString(Package.Value);
            writer.WriteTextString(DatabaseRows.NameOf(Done));
            writer.WriteInt64(Revision);
            writer.WriteEndArray();
        }
    }

    /// <summary>See <see cref="IDatabase.LogAccessAsync"/>; each access is written as on the log queue.</summary>
    public sealed record LogAccess(IReadOnlyList<AccessState> Accesses, Guid? Request) : DbRequest
    {
        public override string Name => "LOGACCESS";

        internal static LogAccess ReadData(WireReader reader)
        {
            reader.StartRecord("batch");
            var request = reader.NullableUuid("request");
            var accesses = reader.List("accesses", WireLimits.RowsMax, static r =>
            {
                r.StartRecord("access");
                var entry = LogEntry.ReadData(r, r.Text("name", WireLimits.NameLengthMax));
                r.EndRecord("access");
                return entry.Access;
            });
            reader.EndRecord("batch");
            return new LogAccess(accesses, request);
        }

        private protected override void WriteData(CborWriter writer)
        {
            writer.WriteStartArray(2);
            writer.WriteNullableUuid(Request);
            writer.WriteList(Accesses, static (w, access) => LogEntry.Of(access).Write(w));
            writer.WriteEndArray();
        }
    }

    /// <summary>
    /// See <see cref="IDatabase.LogDownloadAsync"/> and the methods for the other kinds; named and written as on the log
    /// queue.
    /// </summary>
    public sealed record LogHit(AccessState Access, Guid? Request) : DbRequest
    {
        public override string Name => LogEntry.Of(Access).Name;

        internal static LogHit ReadData(WireReader reader, string name)
        {
            reader.StartRecord("hit");
            var request = reader.NullableUuid("request");
            var entry = LogEntry.ReadData(reader, name);
            reader.EndRecord("hit");
            return new LogHit(entry.Access, request);
        }

        private protected override void WriteData(CborWriter writer)
        {
            writer.WriteStartArray(2);
            writer.WriteNullableUuid(Request);
            writer.Write(Access);
            writer.WriteEndArray();
        }
    }

    /// <summary>See <see cref="IDatabase.GetStatisticsAsync"/>.</summary>
    public sealed record GetStatistics : Bare
    {
        public override string Name => "GETSTATS";
    }

    /// <summary>See <see cref="IDatabase.GetHistoryAsync"/>.</summary>
    public sealed record GetHistory : Bare
    {
        public override string Name => "GETHISTORY";
    }

    /// <summary>See <see cref="IDatabase.GetNewBuildsAsync"/>.</summary>
    public sealed record GetNewBuilds(int Limit) : DbRequest
    {
        public override string Name => "NEWBUILDS";

        private protected override void WriteData(CborWriter writer) => writer.WriteInt32(Limit);
    }
}
