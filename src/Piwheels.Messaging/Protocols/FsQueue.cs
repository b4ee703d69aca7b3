using System.Formats.Cbor;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Cbor;

namespace Piwheels.Messaging.Protocols;

/// <summary>What FileJuggler is asked to do.</summary>
/// <remarks>An owner is a slave's number, or the negated number of an import.</remarks>
public abstract record FsRequest : IWireMessage<FsRequest>
{
    private FsRequest()
    {
    }

    public abstract string Name { get; }

    public static FsRequest Read(ReadOnlyMemory<byte> payload) =>
        WireReader.ReadMessage<FsRequest>(payload, static (reader, name, hasData) => (name, hasData) switch
        {
            ("EXPECT", true) => Expect.ReadData(reader),
            ("VERIFY", true) => Verify.ReadData(reader),
            ("FORGET", true) => new Forget(ReadOwner(reader)),
            ("WITHDRAW", true) => Withdraw.ReadData(reader),
            _ => throw WireReader.Unknown(name, hasData),
        });

    public abstract void Write(CborWriter writer);

    private static int ReadOwner(WireReader reader) => (int)reader.Integer("owner", int.MinValue, int.MaxValue);

    /// <summary>The owner will send this file.</summary>
    public sealed record Expect(int Owner, FileState File) : FsRequest
    {
        public override string Name => "EXPECT";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteStartArray(2);
            writer.WriteInt32(Owner);
            writer.Write(File, FileStateForm.WithLocation);
            writer.WriteEndArray();
            writer.WriteEndArray();
        }

        internal static Expect ReadData(WireReader reader)
        {
            reader.StartRecord("expectation");
            var expect = new Expect(ReadOwner(reader), BuildStates.ReadFile(reader).File);
            reader.EndRecord("expectation");
            return expect;
        }
    }

    /// <summary>The owner's file shall be checked, and published below the package.</summary>
    public sealed record Verify(int Owner, PackageName Package) : FsRequest
    {
        public override string Name => "VERIFY";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteStartArray(2);
            writer.WriteInt32(Owner);
            writer.WriteTextString(Package.Value);
            writer.WriteEndArray();
            writer.WriteEndArray();
        }

        internal static Verify ReadData(WireReader reader)
        {
            reader.StartRecord("verification");
            var verify = new Verify(ReadOwner(reader), BuildStates.ReadPackage(reader));
            reader.EndRecord("verification");
            return verify;
        }
    }

    /// <summary>Nothing is expected of the owner any more.</summary>
    public sealed record Forget(int Owner) : FsRequest
    {
        public override string Name => "FORGET";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteInt32(Owner);
            writer.WriteEndArray();
        }
    }

    /// <summary>A file that was published shall go: its build is not recorded after all.</summary>
    public sealed record Withdraw(PackageName Package, string Filename) : FsRequest
    {
        public override string Name => "WITHDRAW";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteStartArray(2);
            writer.WriteTextString(Package.Value);
            writer.WriteTextString(Filename);
            writer.WriteEndArray();
            writer.WriteEndArray();
        }

        internal static Withdraw ReadData(WireReader reader)
        {
            reader.StartRecord("withdrawal");
            var withdraw = new Withdraw(
                BuildStates.ReadPackage(reader), reader.Text("file name", WireLimits.TextLengthMax));
            reader.EndRecord("withdrawal");
            return withdraw;
        }
    }
}

/// <summary>What FileJuggler answers.</summary>
public abstract record FsReply : IWireMessage<FsReply>
{
    private FsReply()
    {
    }

    public abstract string Name { get; }

    public static FsReply Read(ReadOnlyMemory<byte> payload) =>
        WireReader.ReadMessage<FsReply>(payload, static (reader, name, hasData) => (name, hasData) switch
        {
            ("OK", false) => new Ok(),
            ("VERIFIED", false) => new Verified(),
            ("MISMATCHED", true) => new Mismatched(reader.Text("reason", WireLimits.LongTextLengthMax)),
            ("REFUSED", true) => new Refused(reader.Text("reason", WireLimits.LongTextLengthMax)),
            _ => throw WireReader.Unknown(name, hasData),
        });

    public virtual void Write(CborWriter writer) => writer.WriteTextString(Name);

    /// <summary>Done as asked.</summary>
    public sealed record Ok : FsReply
    {
        public override string Name => "OK";
    }

    /// <summary>The file is what was announced, and published.</summary>
    public sealed record Verified : FsReply
    {
        public override string Name => "VERIFIED";
    }

    /// <summary>What came is not what was announced; it may be sent again.</summary>
    public sealed record Mismatched(string Reason) : FsReply
    {
        public override string Name => "MISMATCHED";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteTextString(Reason);
            writer.WriteEndArray();
        }
    }

    /// <summary>It is what was announced, and no good wheel.</summary>
    public sealed record Refused(string Reason) : FsReply
    {
        public override string Name => "REFUSED";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteTextString(Reason);
            writer.WriteEndArray();
        }
    }
}
