using System.Formats.Cbor;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Cbor;

namespace Piwheels.Messaging.Protocols;

/// <summary>What CloudGazer and MrChase tell SlaveDriver: what must not be built any more.</summary>
public abstract record SkipRequest : IWireMessage<SkipRequest>
{
    private SkipRequest()
    {
    }

    public abstract string Name { get; }

    public static SkipRequest Read(ReadOnlyMemory<byte> payload) =>
        WireReader.ReadMessage<SkipRequest>(payload, static (reader, name, hasData) => (name, hasData) switch
        {
            ("DELPKG", true) => new DeletePackage(BuildStates.ReadPackage(reader)),
            ("DELVER", true) => new DeleteVersion(BuildStates.ReadRelease(reader)),
            _ => throw WireReader.Unknown(name, hasData),
        });

    public abstract void Write(CborWriter writer);

    /// <summary>A package goes; its builds are dropped.</summary>
    public sealed record DeletePackage(PackageName Package) : SkipRequest
    {
        public override string Name => "DELPKG";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteTextString(Package.Value);
            writer.WriteEndArray();
        }
    }

    /// <summary>A version goes; its builds are dropped.</summary>
    public sealed record DeleteVersion(Release Release) : SkipRequest
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

/// <summary>What SlaveDriver answers.</summary>
public abstract record SkipReply : IWireMessage<SkipReply>
{
    private SkipReply()
    {
    }

    public abstract string Name { get; }

    public static SkipReply Read(ReadOnlyMemory<byte> payload) =>
        WireReader.ReadMessage<SkipReply>(payload, static (_, name, hasData) => (name, hasData) switch
        {
            ("OK", false) => new Ok(),
            _ => throw WireReader.Unknown(name, hasData),
        });

    public void Write(CborWriter writer) => writer.WriteTextString(Name);

    /// <summary>Nothing of it is built or recorded from now on.</summary>
    public sealed record Ok : SkipReply
    {
        public override string Name => "OK";
    }
}
