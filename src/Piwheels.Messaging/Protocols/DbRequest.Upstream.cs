using System.Formats.Cbor;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Cbor;

namespace Piwheels.Messaging.Protocols;

/// <summary>Requests about upstream's own wheels.</summary>
public abstract partial record DbRequest
{
    /// <summary>See <see cref="IUpstreamWheels.GetUpstreamPoliciesAsync"/>.</summary>
    public sealed record GetUpstreamPolicies : Bare
    {
        public override string Name => "UPPOLICIES";
    }

    /// <summary>See <see cref="IUpstreamWheels.OweUpstreamAsync"/>.</summary>
    public sealed record OweUpstream(IReadOnlyList<PackageName> Packages) : DbRequest
    {
        public override string Name => "OWEUPSTREAM";

        private protected override void WriteData(CborWriter writer) =>
            writer.WriteList(Packages, static (w, package) => w.WriteTextString(package.Value));
    }

    /// <summary>See <see cref="IUpstreamWheels.GetUpstreamOwedAsync"/>.</summary>
    public sealed record GetUpstreamOwed(int Limit) : DbRequest
    {
        public override string Name => "UPOWED";

        private protected override void WriteData(CborWriter writer) => writer.WriteInt32(Limit);
    }

    /// <summary>See <see cref="IUpstreamWheels.SetUpstreamWheelsAsync"/>.</summary>
    public sealed record SetUpstreamWheels(
        PackageName Package, IReadOnlyList<UpstreamWheel>? Wheels, long Revision) : DbRequest
    {
        public override string Name => "SETUPSTREAM";

        internal static SetUpstreamWheels ReadData(WireReader reader)
        {
            reader.StartRecord("upstream's wheels");
            var request = new SetUpstreamWheels(
                BuildStates.ReadPackage(reader),
                reader.TryNull() ? null : reader.List("wheels", WireLimits.RowsMax, UpstreamRows.ReadWheel),
                reader.Size("revision"));
            reader.EndRecord("upstream's wheels");
            return request;
        }

        private protected override void WriteData(CborWriter writer)
        {
            writer.WriteStartArray(3);
            writer.WriteTextString(Package.Value);
            if (Wheels is null) writer.WriteNull();
            else writer.WriteList(Wheels, static (w, wheel) => w.Write(wheel));
            writer.WriteInt64(Revision);
            writer.WriteEndArray();
        }
    }
}
