using System.Formats.Cbor;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Cbor;

namespace Piwheels.Messaging.Protocols;

/// <summary>Requests about which names of the index are followed.</summary>
public abstract partial record DbRequest
{
    /// <summary>See <see cref="IDatabase.GetFollowedNamesAsync"/>.</summary>
    public sealed record GetFollowedNames : Bare
    {
        public override string Name => "GETNAMES";
    }

    /// <summary>See <see cref="IDatabase.SetFollowedNamesAsync"/>.</summary>
    public sealed record SetFollowedNames(NameLists Lists) : DbRequest
    {
        public override string Name => "SETNAMES";

        private protected override void WriteData(CborWriter writer) => writer.Write(Lists);
    }

    /// <summary>See <see cref="IDatabase.GetPackagesSkippedAsync"/>.</summary>
    public sealed record GetPackagesSkipped(string Reason) : DbRequest
    {
        public override string Name => "PKGSSKIPPED";

        private protected override void WriteData(CborWriter writer) => writer.WriteTextString(Reason);
    }

    /// <summary>See <see cref="IDatabase.ChangePackageSkipsAsync"/>.</summary>
    public sealed record ChangePackageSkips(IReadOnlyCollection<PackageName> Packages, string From, string To)
        : DbRequest
    {
        public override string Name => "CHANGESKIPS";

        internal static ChangePackageSkips ReadData(WireReader reader)
        {
            reader.StartRecord("skips");
            var request = new ChangePackageSkips(
                reader.List("packages", WireLimits.RowsMax, BuildStates.ReadPackage),
                reader.Text("skip reason", WireLimits.LongTextLengthMax),
                reader.Text("skip reason", WireLimits.LongTextLengthMax));
            reader.EndRecord("skips");
            return request;
        }

        private protected override void WriteData(CborWriter writer)
        {
            writer.WriteStartArray(3);
            writer.WriteList(Packages, static (w, package) => w.WriteTextString(package.Value));
            writer.WriteTextString(From);
            writer.WriteTextString(To);
            writer.WriteEndArray();
        }
    }

    /// <summary>See <see cref="IDatabase.FollowAllVersionsAsync"/>.</summary>
    public sealed record FollowAllVersions : Bare
    {
        public override string Name => "FOLLOWALL";
    }
}
