using System.Formats.Cbor;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Cbor;

namespace Piwheels.Messaging.Protocols;

/// <summary>What the master's tasks ask of TheSecretary: pages to be written, soon.</summary>
public abstract record SecretaryRequest : IWireMessage<SecretaryRequest>
{
    private SecretaryRequest()
    {
    }

    public abstract string Name { get; }

    public static SecretaryRequest Read(ReadOnlyMemory<byte> payload) =>
        WireReader.ReadMessage<SecretaryRequest>(payload, static (reader, name, hasData) => (name, hasData) switch
        {
            ("HOME", false) => new Home(),
            ("SEARCH", false) => new Search(),
            ("PROJECT", true) => new Project(BuildStates.ReadPackage(reader)),
            ("BOTH", true) => new Both(BuildStates.ReadPackage(reader)),
            ("OWED", true) => Owed.ReadData(reader),
            ("LOG", true) => Log.ReadData(reader),
            ("DELPKG", true) => new DeletePackage(BuildStates.ReadPackage(reader)),
            ("DELVER", true) => new DeleteVersion(BuildStates.ReadRelease(reader)),
            _ => throw WireReader.Unknown(name, hasData),
        });

    public virtual void Write(CborWriter writer) => writer.WriteTextString(Name);

    /// <summary>The home page and the other pages that show the farm's figures.</summary>
    public sealed record Home : SecretaryRequest
    {
        public override string Name => "HOME";
    }

    /// <summary>The search index.</summary>
    public sealed record Search : SecretaryRequest
    {
        public override string Name => "SEARCH";
    }

    /// <summary>A package's project page and its JSON.</summary>
    public sealed record Project(PackageName Package) : SecretaryRequest
    {
        public override string Name => "PROJECT";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteTextString(Package.Value);
            writer.WriteEndArray();
        }
    }

    /// <summary>A package's project page and its simple index.</summary>
    public sealed record Both(PackageName Package) : SecretaryRequest
    {
        public override string Name => "BOTH";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteTextString(Package.Value);
            writer.WriteEndArray();
        }
    }

    /// <summary>
    /// The same as PROJECT or BOTH, of pages that the database has entered as owed already: it need not be told again.
    /// </summary>
    public sealed record Owed(PackageName Package, RewriteCommand Pages) : SecretaryRequest
    {
        public override string Name => "OWED";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteStartArray(2);
            writer.WriteTextString(Package.Value);
            writer.WriteBoolean(Pages == RewriteCommand.Both);
            writer.WriteEndArray();
            writer.WriteEndArray();
        }

        internal static Owed ReadData(WireReader reader)
        {
            reader.StartRecord("owed pages");
            var owed = new Owed(
                BuildStates.ReadPackage(reader),
                reader.Boolean("both") ? RewriteCommand.Both : RewriteCommand.Project);
            reader.EndRecord("owed pages");
            return owed;
        }
    }

    /// <summary>A build's log, to be kept and published.</summary>
    public sealed record Log(long BuildId, PackageName Package, string Text) : SecretaryRequest, ILargeMessage
    {
        public override string Name => "LOG";

        int ILargeMessage.Length => Text.Length;

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteStartArray(3);
            writer.WriteInt64(BuildId);
            writer.WriteTextString(Package.Value);
            writer.WriteTextString(Text);
            writer.WriteEndArray();
            writer.WriteEndArray();
        }

        internal static Log ReadData(WireReader reader)
        {
            reader.StartRecord("log");
            var log = new Log(
                reader.Size("build id"),
                BuildStates.ReadPackage(reader),
                reader.Output("text", WireLimits.OutputLengthMax));
            reader.EndRecord("log");
            return log;
        }
    }

    /// <summary>A package is to vanish from the site.</summary>
    public sealed record DeletePackage(PackageName Package) : SecretaryRequest
    {
        public override string Name => "DELPKG";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteTextString(Package.Value);
            writer.WriteEndArray();
        }
    }

    /// <summary>A version's files are to vanish from the site.</summary>
    public sealed record DeleteVersion(Release Release) : SecretaryRequest
    {
        public override string Name => "DELVER";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.Write(Release);
            writer.WriteEndArray();
        }
    }
}

/// <summary>What TheSecretary answers; what fails reaches the one who asked as a failure of the request.</summary>
public abstract record SecretaryReply : IWireMessage<SecretaryReply>
{
    private SecretaryReply()
    {
    }

    public abstract string Name { get; }

    public static SecretaryReply Read(ReadOnlyMemory<byte> payload) =>
        WireReader.ReadMessage<SecretaryReply>(payload, static (_, name, hasData) => (name, hasData) switch
        {
            ("DONE", false) => new Done(),
            _ => throw WireReader.Unknown(name, hasData),
        });

    public void Write(CborWriter writer) => writer.WriteTextString(Name);

    /// <summary>It has taken the request over, or, of what it does not put off, it is done.</summary>
    public sealed record Done : SecretaryReply
    {
        public override string Name => "DONE";
    }
}
