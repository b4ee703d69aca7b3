using System.Formats.Cbor;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Cbor;

namespace Piwheels.Messaging.Protocols;

/// <summary>Requests about packages and versions.</summary>
public abstract partial record DbRequest
{
    /// <summary>See <see cref="IDatabase.AddNewPackageAsync"/>.</summary>
    public sealed record AddNewPackage(PackageName Package, string Skip, string Description, Guid? Request) : DbRequest
    {
        public override string Name => "NEWPKG";

        internal static AddNewPackage ReadData(WireReader reader)
        {
            reader.StartRecord("package");
            var request = new AddNewPackage(
                BuildStates.ReadPackage(reader),
                reader.Text("skip reason", WireLimits.LongTextLengthMax),
                reader.Text("description", WireLimits.LongTextLengthMax),
                reader.NullableUuid("request"));
            reader.EndRecord("package");
            return request;
        }

        private protected override void WriteData(CborWriter writer)
        {
            writer.WriteStartArray(4);
            writer.WriteTextString(Package.Value);
            writer.WriteTextString(Skip);
            writer.WriteTextString(Description);
            writer.WriteNullableUuid(Request);
            writer.WriteEndArray();
        }
    }

    /// <summary>See <see cref="IDatabase.AddNewPackageVersionAsync"/>.</summary>
    public sealed record AddNewPackageVersion(Release Release, DateTimeOffset? Released, string Skip, Guid? Request)
        : DbRequest
    {
        public override string Name => "NEWVER";

        internal static AddNewPackageVersion ReadData(WireReader reader)
        {
            reader.StartRecord("version");
            var request = new AddNewPackageVersion(
                BuildStates.ReadRelease(reader),
                reader.TryNull() ? null : reader.Timestamp("released"),
                reader.Text("skip reason", WireLimits.LongTextLengthMax),
                reader.NullableUuid("request"));
            reader.EndRecord("version");
            return request;
        }

        private protected override void WriteData(CborWriter writer)
        {
            writer.WriteStartArray(4);
            writer.Write(Release);
            writer.WriteNullableTimestamp(Released);
            writer.WriteTextString(Skip);
            writer.WriteNullableUuid(Request);
            writer.WriteEndArray();
        }
    }

    /// <summary>See <see cref="IDatabase.AddPackageNameAsync"/>.</summary>
    public sealed record AddPackageName(PackageName Package, string Spelling, DateTimeOffset Seen) : DbRequest
    {
        public override string Name => "NEWPKGNAME";

        internal static AddPackageName ReadData(WireReader reader)
        {
            reader.StartRecord("name");
            var request = new AddPackageName(
                BuildStates.ReadPackage(reader),
                reader.Text("name", WireLimits.TextLengthMax),
                reader.Timestamp("seen"));
            reader.EndRecord("name");
            return request;
        }

        private protected override void WriteData(CborWriter writer)
        {
            writer.WriteStartArray(3);
            writer.WriteTextString(Package.Value);
            writer.WriteTextString(Spelling);
            writer.WriteTimestamp(Seen);
            writer.WriteEndArray();
        }
    }

    /// <summary>See <see cref="IDatabase.GetPackageDescriptionAsync"/>.</summary>
    public sealed record GetPackageDescription(PackageName Package) : OfPackage(Package)
    {
        public override string Name => "GETDESC";
    }

    /// <summary>See <see cref="IDatabase.SetPackageDescriptionAsync"/>.</summary>
    public sealed record SetPackageDescription(PackageName Package, string Description) : DbRequest
    {
        public override string Name => "SETDESC";

        internal static SetPackageDescription ReadData(WireReader reader)
        {
            reader.StartRecord("description");
            var request = new SetPackageDescription(
                BuildStates.ReadPackage(reader),
                reader.Text("description", WireLimits.LongTextLengthMax));
            reader.EndRecord("description");
            return request;
        }

        private protected override void WriteData(CborWriter writer)
        {
            writer.WriteStartArray(2);
            writer.WriteTextString(Package.Value);
            writer.WriteTextString(Description);
            writer.WriteEndArray();
        }
    }

    /// <summary>See <see cref="IDatabase.GetAllPackagesAsync"/>.</summary>
    public sealed record GetAllPackages : Bare
    {
        public override string Name => "ALLPKGS";
    }

    /// <summary>See <see cref="IDatabase.GetAllPackageVersionsAsync"/>.</summary>
    public sealed record GetAllPackageVersions : Bare
    {
        public override string Name => "ALLVERS";
    }

    /// <summary>See <see cref="IDatabase.GetPackageAliasesAsync"/>.</summary>
    public sealed record GetPackageAliases(PackageName Package) : OfPackage(Package)
    {
        public override string Name => "GETPKGNAMES";
    }

    /// <summary>See <see cref="IDatabase.GetProjectDisplayNameAsync"/>.</summary>
    public sealed record GetProjectDisplayName(PackageName Package) : OfPackage(Package)
    {
        public override string Name => "GETPROJNAME";
    }

    /// <summary>See <see cref="IDatabase.TestPackageAsync"/>.</summary>
    public sealed record TestPackage(PackageName Package) : OfPackage(Package)
    {
        public override string Name => "PKGEXISTS";
    }

    /// <summary>See <see cref="IDatabase.TestPackageVersionAsync"/>.</summary>
    public sealed record TestPackageVersion(Release Release) : OfRelease(Release)
    {
        public override string Name => "VEREXISTS";
    }

    /// <summary>See <see cref="IDatabase.SkipPackageAsync"/>.</summary>
    public sealed record SkipPackage(PackageName Package, string Reason) : DbRequest
    {
        public override string Name => "SKIPPKG";

        internal static SkipPackage ReadData(WireReader reader)
        {
            reader.StartRecord("skip");
            var request = new SkipPackage(
                BuildStates.ReadPackage(reader),
                reader.Text("skip reason", WireLimits.LongTextLengthMax));
            reader.EndRecord("skip");
            return request;
        }

        private protected override void WriteData(CborWriter writer)
        {
            writer.WriteStartArray(2);
            writer.WriteTextString(Package.Value);
            writer.WriteTextString(Reason);
            writer.WriteEndArray();
        }
    }

    /// <summary>See <see cref="IDatabase.SkipPackageVersionAsync"/>.</summary>
    public sealed record SkipPackageVersion(Release Release, string Reason) : DbRequest
    {
        public override string Name => "SKIPVER";

        internal static SkipPackageVersion ReadData(WireReader reader)
        {
            reader.StartRecord("skip");
            var request = new SkipPackageVersion(
                BuildStates.ReadRelease(reader),
                reader.Text("skip reason", WireLimits.LongTextLengthMax));
            reader.EndRecord("skip");
            return request;
        }

        private protected override void WriteData(CborWriter writer)
        {
            writer.WriteStartArray(2);
            writer.Write(Release);
            writer.WriteTextString(Reason);
            writer.WriteEndArray();
        }
    }

    /// <summary>See <see cref="IDatabase.GetPackageSkipAsync"/>.</summary>
    public sealed record GetPackageSkip(PackageName Package) : OfPackage(Package)
    {
        public override string Name => "GETPKGSKIP";
    }

    /// <summary>See <see cref="IDatabase.GetVersionSkipAsync"/>.</summary>
    public sealed record GetVersionSkip(Release Release) : OfRelease(Release)
    {
        public override string Name => "GETSKIP";
    }

    /// <summary>See <see cref="IDatabase.PackageMarkedDeletedAsync"/>.</summary>
    public sealed record PackageMarkedDeleted(PackageName Package) : OfPackage(Package)
    {
        public override string Name => "PKGDELETED";
    }

    /// <summary>See <see cref="IDatabase.GetVersionsDeletedAsync"/>.</summary>
    public sealed record GetVersionsDeleted(PackageName Package) : OfPackage(Package)
    {
        public override string Name => "VERSDELETED";
    }

    /// <summary>See <see cref="IDatabase.YankVersionAsync"/>.</summary>
    public sealed record YankVersion(Release Release) : OfRelease(Release)
    {
        public override string Name => "YANKVER";
    }

    /// <summary>See <see cref="IDatabase.UnyankVersionAsync"/>.</summary>
    public sealed record UnyankVersion(Release Release) : OfRelease(Release)
    {
        public override string Name => "UNYANKVER";
    }

    /// <summary>See <see cref="IDatabase.DeletePackageAsync"/>.</summary>
    public sealed record DeletePackage(PackageName Package) : OfPackage(Package)
    {
        public override string Name => "DELPKG";
    }

    /// <summary>See <see cref="IDatabase.DeleteVersionAsync"/>.</summary>
    public sealed record DeleteVersion(Release Release) : OfRelease(Release)
    {
        public override string Name => "DELVER";
    }

    /// <summary>See <see cref="IDatabase.DeleteBuildAsync"/>.</summary>
    public sealed record DeleteBuild(Release Release) : OfRelease(Release)
    {
        public override string Name => "DELBUILD";
    }
}
