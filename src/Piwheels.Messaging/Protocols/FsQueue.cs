using System.Formats.Cbor;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Cbor;
using Piwheels.Messaging.Zmq;

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
            ("PUBLISH", true) => new Publish(ReadOwner(reader)),
            ("FORGET", true) => new Forget(ReadOwner(reader)),
            ("DISK", false) => new Disk(),
            _ => throw WireReader.Unknown(name, hasData),
        });

    public virtual void Write(CborWriter writer) => writer.WriteTextString(Name);

    private static int ReadOwner(WireReader reader) => (int)reader.Integer("owner", int.MinValue, int.MaxValue);

    /// <summary>The owner will send this file.</summary>
    /// <param name="Origin">Where the owner itself is connected from, see <see cref="PeerOrigin"/>; "" if not known.</param>
    public sealed record Expect(int Owner, FileState File, string Origin = "") : FsRequest
    {
        /// <summary>The public key that it sends it with, as Z85 text; null where it has none.</summary>
        public string? Key { get; init; }

        public override string Name => "EXPECT";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteStartArray(4);
            writer.WriteInt32(Owner);
            writer.Write(File, FileStateForm.WithLocation);
            writer.WriteTextString(Origin);
            writer.WriteNullableText(Key);
            writer.WriteEndArray();
            writer.WriteEndArray();
        }

        internal static Expect ReadData(WireReader reader)
        {
            reader.StartRecord("expectation");
            var expect = new Expect(
                ReadOwner(reader), BuildStates.ReadFile(reader).File, reader.Text("origin", WireLimits.TextLengthMax))
            {
                Key = reader.NullableText("key", WireLimits.TextLengthMax),
            };
            reader.EndRecord("expectation");
            return expect;
        }
    }

    /// <summary>The owner's file shall be checked, and kept for its publication below the package.</summary>
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

    /// <summary>The build of the owner's files is recorded: they shall go where they are published.</summary>
    public sealed record Publish(int Owner) : FsRequest
    {
        public override string Name => "PUBLISH";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteInt32(Owner);
            writer.WriteEndArray();
        }
    }

    /// <summary>Nothing is expected of the owner any more, and nothing of it kept.</summary>
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

    /// <summary>How full is the disk?</summary>
    public sealed record Disk : FsRequest
    {
        public override string Name => "DISK";
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
            ("VERIFIED", true) => new Verified(reader.NullableText("requires-python", WireLimits.TextLengthMax)),
            ("MISMATCHED", true) => new Mismatched(reader.Text("reason", WireLimits.LongTextLengthMax)),
            ("REFUSED", true) => new Refused(reader.Text("reason", WireLimits.LongTextLengthMax)),
            ("ROOM", true) => Room.ReadData(reader),
            _ => throw WireReader.Unknown(name, hasData),
        });

    public virtual void Write(CborWriter writer) => writer.WriteTextString(Name);

    /// <summary>Done as asked.</summary>
    public sealed record Ok : FsReply
    {
        public override string Name => "OK";
    }

    /// <summary>The file is what was announced, and kept.</summary>
    /// <param name="RequiresPython">What its METADATA says; null where that does not say, or nothing that is valid.</param>
    public sealed record Verified(string? RequiresPython) : FsReply
    {
        public override string Name => "VERIFIED";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteNullableText(RequiresPython);
            writer.WriteEndArray();
        }
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

    /// <summary>Size of the disk that is published from, and what is free of it, in bytes.</summary>
    public sealed record Room(long Size, long Free) : FsReply
    {
        public override string Name => "ROOM";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteStartArray(2);
            writer.WriteInt64(Size);
            writer.WriteInt64(Free);
            writer.WriteEndArray();
            writer.WriteEndArray();
        }

        internal static Room ReadData(WireReader reader)
        {
            reader.StartRecord("room");
            var room = new Room(reader.Size("disk size"), reader.Size("disk free"));
            reader.EndRecord("room");
            return room;
        }
    }
}
