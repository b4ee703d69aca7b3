using System.Formats.Cbor;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Cbor;

namespace Piwheels.Messaging.Protocols;

/// <summary>What TheSecretary has TheScribe do, one after the other.</summary>
public abstract record ScribeRequest : IWireMessage<ScribeRequest>
{
    private ScribeRequest()
    {
    }

    public abstract string Name { get; }

    public static ScribeRequest Read(ReadOnlyMemory<byte> payload) =>
        WireReader.ReadMessage<ScribeRequest>(payload, static (reader, name, hasData) => (name, hasData) switch
        {
            ("HOME", false) => new Home(),
            ("SEARCH", false) => new Search(),
            ("PROJECT", true) => new Project(BuildStates.ReadPackage(reader)),
            ("BOTH", true) => new Both(BuildStates.ReadPackage(reader)),
            ("LOG", true) => Log.ReadData(reader),
            ("DELPKG", true) => new DeletePackage(BuildStates.ReadPackage(reader)),
            ("DELVER", true) => new DeleteVersion(BuildStates.ReadRelease(reader)),
            _ => throw WireReader.Unknown(name, hasData),
        });

    public virtual void Write(CborWriter writer) => writer.WriteTextString(Name);

    /// <summary>The home page and the other pages that show the farm's figures.</summary>
    public sealed record Home : ScribeRequest
    {
        public override string Name => "HOME";
    }

    /// <summary>The search index.</summary>
    public sealed record Search : ScribeRequest
    {
        public override string Name => "SEARCH";
    }

    /// <summary>A package's project page and its JSON.</summary>
    public sealed record Project(PackageName Package) : ScribeRequest
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
    public sealed record Both(PackageName Package) : ScribeRequest
    {
        public override string Name => "BOTH";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteTextString(Package.Value);
            writer.WriteEndArray();
        }
    }

    /// <summary>A build's log, to be kept and published.</summary>
    public sealed record Log(long BuildId, PackageName Package, string Text) : ScribeRequest, ILargeMessage
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
    public sealed record DeletePackage(PackageName Package) : ScribeRequest
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
    public sealed record DeleteVersion(Release Release) : ScribeRequest
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

/// <summary>What TheScribe answers; what fails reaches TheSecretary as a failure of the request.</summary>
public abstract record ScribeReply : IWireMessage<ScribeReply>
{
    private ScribeReply()
    {
    }

    public abstract string Name { get; }

    public static ScribeReply Read(ReadOnlyMemory<byte> payload) =>
        WireReader.ReadMessage<ScribeReply>(payload, static (_, name, hasData) => (name, hasData) switch
        {
            ("DONE", false) => new Done(),
            _ => throw WireReader.Unknown(name, hasData),
        });

    public void Write(CborWriter writer) => writer.WriteTextString(Name);

    /// <summary>It is done, and on the disk.</summary>
    public sealed record Done : ScribeReply
    {
        public override string Name => "DONE";
    }
}
