using System.Formats.Cbor;
using Piwheels.Core.Database;
using Piwheels.Core.States;
using Piwheels.Messaging.Cbor;

namespace Piwheels.Messaging.Protocols;

/// <summary>Requests that register or record many things at once.</summary>
public abstract partial record DbRequest
{
    /// <summary>See <see cref="IDatabase.AddNewPackagesAsync"/>.</summary>
    public sealed record AddNewPackages(IReadOnlyList<NewPackage> Packages) : DbRequest
    {
        public override string Name => "NEWPKGS";

        internal static AddNewPackages ReadData(WireReader reader) =>
            new(reader.List("packages", WireLimits.RowsMax, static r =>
            {
                r.StartRecord("package");
                var package = new NewPackage(
                    BuildStates.ReadPackage(r),
                    r.Text("skip reason", WireLimits.LongTextLengthMax),
                    r.Text("description", WireLimits.LongTextLengthMax));
                r.EndRecord("package");
                return package;
            }));

        private protected override void WriteData(CborWriter writer) =>
            writer.WriteList(Packages, static (w, package) =>
            {
                w.WriteStartArray(3);
                w.WriteTextString(package.Package.Value);
                w.WriteTextString(package.Skip);
                w.WriteTextString(package.Description);
                w.WriteEndArray();
            });
    }

    /// <summary>See <see cref="IDatabase.AddNewPackageVersionsAsync"/>.</summary>
    public sealed record AddNewPackageVersions(IReadOnlyList<NewVersion> Versions) : DbRequest
    {
        public override string Name => "NEWVERS";

        internal static AddNewPackageVersions ReadData(WireReader reader) =>
            new(reader.List("versions", WireLimits.RowsMax, static r =>
            {
                r.StartRecord("version");
                var version = new NewVersion(
                    BuildStates.ReadRelease(r),
                    r.TryNull() ? null : r.Timestamp("released"),
                    r.Text("skip reason", WireLimits.LongTextLengthMax));
                r.EndRecord("version");
                return version;
            }));

        private protected override void WriteData(CborWriter writer) =>
            writer.WriteList(Versions, static (w, version) =>
            {
                w.WriteStartArray(3);
                w.Write(version.Release);
                w.WriteNullableTimestamp(version.Released);
                w.WriteTextString(version.Skip);
                w.WriteEndArray();
            });
    }

    /// <summary>See <see cref="IDatabase.LogBuildsAsync"/>; as many of <see cref="LogBuild"/>.</summary>
    public sealed record LogBuilds(IReadOnlyList<BuildState> Builds, IReadOnlyList<Guid>? Requests) : DbRequest
    {
        public override string Name => "LOGBUILDS";

        internal static LogBuilds ReadData(WireReader reader)
        {
            var builds = reader.List("builds", WireLimits.RowsMax, LogBuild.ReadData);
            var requests = builds.Select(each => each.Request).OfType<Guid>().ToList();
            return new LogBuilds(
                [.. builds.Select(each => each.Build)], requests.Count == builds.Count ? requests : null);
        }

        private protected override void WriteData(CborWriter writer) =>
            writer.WriteList(
                Builds.Select((build, i) => new LogBuild(build, Requests?[i])).ToList(),
                static (w, each) => each.WriteData(w));
    }
}
