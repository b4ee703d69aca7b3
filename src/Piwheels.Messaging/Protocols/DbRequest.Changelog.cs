using System.Formats.Cbor;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Cbor;

namespace Piwheels.Messaging.Protocols;

/// <summary>Requests that take up the index's change log in bulk.</summary>
public abstract partial record DbRequest
{
    /// <summary>See <see cref="IDatabase.MarkRemovedAsync"/>.</summary>
    public sealed record MarkRemoved(IReadOnlyList<PackageName> Packages, IReadOnlyList<Release> Releases) : DbRequest
    {
        public override string Name => "MARKGONE";

        internal static MarkRemoved ReadData(WireReader reader)
        {
            reader.StartRecord("removals");
            var request = new MarkRemoved(
                reader.List("packages", WireLimits.RowsMax, BuildStates.ReadPackage),
                reader.List("releases", WireLimits.RowsMax, BuildStates.ReadRelease));
            reader.EndRecord("removals");
            return request;
        }

        private protected override void WriteData(CborWriter writer)
        {
            writer.WriteStartArray(2);
            writer.WriteList(Packages, static (w, package) => w.WriteTextString(package.Value));
            writer.WriteList(Releases, static (w, release) => w.Write(release));
            writer.WriteEndArray();
        }
    }

    /// <summary>See <see cref="IDatabase.ApplyIndexChangesAsync"/>.</summary>
    public sealed record ApplyIndexChanges(IndexChanges Changes) : DbRequest
    {
        public override string Name => "INDEXCHANGES";

        internal static ApplyIndexChanges ReadData(WireReader reader)
        {
            reader.StartRecord("changes");
            var changes = new IndexChanges(
                reader.Size("serial before"),
                reader.Size("serial"),
                reader.List("packages", WireLimits.RowsMax, BuildStates.ReadPackage),
                reader.List("names", WireLimits.RowsMax, ChangelogRows.ReadName),
                reader.List("releases", WireLimits.RowsMax, ChangelogRows.ReadRelease));
            reader.EndRecord("changes");
            return new ApplyIndexChanges(changes);
        }

        private protected override void WriteData(CborWriter writer)
        {
            writer.WriteStartArray(5);
            writer.WriteInt64(Changes.From);
            writer.WriteInt64(Changes.To);
            writer.WriteList(Changes.Gone, static (w, package) => w.WriteTextString(package.Value));
            writer.WriteList(Changes.Names, static (w, name) => w.Write(name));
            writer.WriteList(Changes.Releases, static (w, release) => w.Write(release));
            writer.WriteEndArray();
        }
    }

    /// <summary>See <see cref="IDatabase.GetDescriptionsOwedAsync"/>.</summary>
    public sealed record GetDescriptionsOwed(int Limit) : DbRequest
    {
        public override string Name => "DESCSOWED";

        private protected override void WriteData(CborWriter writer) => writer.WriteInt32(Limit);
    }
}
