using System.Formats.Cbor;
using Piwheels.Core.States;
using Piwheels.Messaging.Cbor;

namespace Piwheels.Messaging.Protocols;

/// <summary>What piw-add, piw-import, piw-remove and piw-rebuild ask of the master.</summary>
/// <remarks>Package names are as somebody typed them: a wrong one is answered with words, not dropped.</remarks>
public abstract record ImportRequest : IWireMessage<ImportRequest>
{
    private ImportRequest()
    {
    }

    public abstract string Name { get; }

    public static ImportRequest Read(ReadOnlyMemory<byte> payload) =>
        WireReader.ReadMessage<ImportRequest>(payload, static (reader, name, hasData) => (name, hasData) switch
        {
            ("ADDPKG", true) => AddPackage.ReadData(reader),
            ("ADDVER", true) => AddVersion.ReadData(reader),
            ("IMPORT", true) => Import.ReadData(reader),
            ("SENT", false) => new Sent(),
            ("REMPKG", true) => RemovePackage.ReadData(reader),
            ("REMVER", true) => RemoveVersion.ReadData(reader),
            ("REMOVE", true) => Remove.ReadData(reader),
            ("REBUILD", true) => Rebuild.ReadData(reader),
            ("PRIORITY", true) => Priority.ReadData(reader),
            ("STATUS", false) => new Status(),
            _ => throw WireReader.Unknown(name, hasData),
        });

    public abstract void Write(CborWriter writer);

    private static string ReadPackage(WireReader reader) => reader.Text("package", WireLimits.TextLengthMax);

    private static string ReadVersion(WireReader reader) => reader.Text("version", WireLimits.TextLengthMax);

    private static string ReadSkip(WireReader reader) => reader.Text("skip reason", WireLimits.LongTextLengthMax);

    private static List<string> ReadAliases(WireReader reader) => reader.List(
        "aliases", WireLimits.AliasesMax, static r => r.Text("alias", WireLimits.TextLengthMax));

    /// <summary>Tell how the farm is. Asked of masters of this program alone.</summary>
    public sealed record Status : ImportRequest
    {
        public override string Name => "STATUS";

        public override void Write(CborWriter writer) => writer.WriteTextString(Name);
    }

    /// <summary>Register a package, or change what is known of it.</summary>
    /// <param name="Skip">Why it shall not be built; empty when it shall.</param>
    /// <param name="Unskip">Whether a reason set earlier is to be dropped.</param>
    public sealed record AddPackage(
        string Package, string Description, string Skip, bool Unskip, IReadOnlyList<string> Aliases) : ImportRequest
    {
        public override string Name => "ADDPKG";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteStartArray(5);
            writer.WriteTextString(Package);
            writer.WriteTextString(Description);
            writer.WriteTextString(Skip);
            writer.WriteBoolean(Unskip);
            writer.WriteTexts(Aliases);
            writer.WriteEndArray();
            writer.WriteEndArray();
        }

        internal static AddPackage ReadData(WireReader reader)
        {
            reader.StartRecord("package");
            var request = new AddPackage(
                ReadPackage(reader),
                reader.Text("description", WireLimits.LongTextLengthMax),
                ReadSkip(reader),
                reader.Boolean("unskip"),
                ReadAliases(reader));
            reader.EndRecord("package");
            return request;
        }
    }

    /// <summary>Register a version, or change what is known of it.</summary>
    public sealed record AddVersion(
        string Package,
        string Version,
        string Skip,
        bool Unskip,
        DateTimeOffset Released,
        bool Yank,
        bool Unyank,
        IReadOnlyList<string> Aliases) : ImportRequest
    {
        public override string Name => "ADDVER";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteStartArray(8);
            writer.WriteTextString(Package);
            writer.WriteTextString(Version);
            writer.WriteTextString(Skip);
            writer.WriteBoolean(Unskip);
            writer.WriteTimestamp(Released);
            writer.WriteBoolean(Yank);
            writer.WriteBoolean(Unyank);
            writer.WriteTexts(Aliases);
            writer.WriteEndArray();
            writer.WriteEndArray();
        }

        internal static AddVersion ReadData(WireReader reader)
        {
            reader.StartRecord("version");
            var request = new AddVersion(
                ReadPackage(reader),
                ReadVersion(reader),
                ReadSkip(reader),
                reader.Boolean("unskip"),
                reader.Timestamp("released"),
                reader.Boolean("yank"),
                reader.Boolean("unyank"),
                ReadAliases(reader));
            reader.EndRecord("version");
            return request;
        }
    }

    /// <summary>Take wheels in that were built elsewhere.</summary>
    public sealed record Import(BuildState Build, FileStateForm Form = FileStateForm.WithLocation) : ImportRequest
    {
        public override string Name => "IMPORT";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.Write(Build, Form);
            writer.WriteEndArray();
        }

        internal static Import ReadData(WireReader reader)
        {
            var (build, form) = BuildStates.ReadBuild(reader);
            return new Import(build, form);
        }
    }

    /// <summary>The file that was asked for is on the master, as far as the importer can tell.</summary>
    public sealed record Sent : ImportRequest
    {
        public override string Name => "SENT";

        public override void Write(CborWriter writer) => writer.WriteTextString(Name);
    }

    /// <summary>Remove a package, or its builds alone, or skip it.</summary>
    public sealed record RemovePackage(string Package, bool Builds, string Skip) : ImportRequest
    {
        public override string Name => "REMPKG";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteStartArray(3);
            writer.WriteTextString(Package);
            writer.WriteBoolean(Builds);
            writer.WriteTextString(Skip);
            writer.WriteEndArray();
            writer.WriteEndArray();
        }

        internal static RemovePackage ReadData(WireReader reader)
        {
            reader.StartRecord("removal");
            var request = new RemovePackage(ReadPackage(reader), reader.Boolean("builds"), ReadSkip(reader));
            reader.EndRecord("removal");
            return request;
        }
    }

    /// <summary>Remove a version, or its builds alone, or skip or yank it.</summary>
    public sealed record RemoveVersion(string Package, string Version, bool Builds, string Skip, bool Yank)
        : ImportRequest
    {
        public override string Name => "REMVER";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteStartArray(5);
            writer.WriteTextString(Package);
            writer.WriteTextString(Version);
            writer.WriteBoolean(Builds);
            writer.WriteTextString(Skip);
            writer.WriteBoolean(Yank);
            writer.WriteEndArray();
            writer.WriteEndArray();
        }

        internal static RemoveVersion ReadData(WireReader reader)
        {
            reader.StartRecord("removal");
            var request = new RemoveVersion(
                ReadPackage(reader), ReadVersion(reader), reader.Boolean("builds"), ReadSkip(reader),
                reader.Boolean("yank"));
            reader.EndRecord("removal");
            return request;
        }
    }

    /// <summary>What piw-remove 0.16 to 0.19 says; it expects <see cref="ImportReply.Done"/> without data.</summary>
    /// <param name="Version">Null: the whole package.</param>
    public sealed record Remove(string Package, string? Version, string Skip) : ImportRequest
    {
        public override string Name => "REMOVE";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteStartArray(3);
            writer.WriteTextString(Package);
            writer.WriteNullableText(Version);
            writer.WriteTextString(Skip);
            writer.WriteEndArray();
            writer.WriteEndArray();
        }

        internal static Remove ReadData(WireReader reader)
        {
            reader.StartRecord("removal");
            var request = new Remove(
                ReadPackage(reader), reader.NullableText("version", WireLimits.TextLengthMax), ReadSkip(reader));
            reader.EndRecord("removal");
            return request;
        }
    }

    /// <summary>Write pages again.</summary>
    public sealed record Rebuild(RebuildScope Scope, string? Package) : ImportRequest
    {
        private const string Home = "HOME";
        private const string Search = "SEARCH";
        private const string Project = "PROJECT";
        private const string Both = "BOTH";

        public override string Name => "REBUILD";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            var ofPackages = Scope is RebuildScope.Project or RebuildScope.Both;
            writer.WriteStartArray(ofPackages ? 2 : 1);
            writer.WriteTextString(Scope switch
            {
                RebuildScope.Home => Home,
                RebuildScope.Search => Search,
                RebuildScope.Project => Project,
                _ => Both,
            });
            if (ofPackages) writer.WriteNullableText(Package);
            writer.WriteEndArray();
            writer.WriteEndArray();
        }

        internal static Rebuild ReadData(WireReader reader)
        {
            reader.StartRecord("rebuild");
            var scope = reader.Text("what", WireLimits.NameLengthMax) switch
            {
                Home => RebuildScope.Home,
                Search => RebuildScope.Search,
                Project => RebuildScope.Project,
                Both => RebuildScope.Both,
                _ => throw reader.Fail("what", "not HOME, SEARCH, PROJECT or BOTH"),
            };
            var package = scope is RebuildScope.Project or RebuildScope.Both
                ? reader.NullableText("package", WireLimits.TextLengthMax)
                : null;
            reader.EndRecord("rebuild");
            return new Rebuild(scope, package);
        }
    }

    /// <summary>
    /// Have something that waits built before what nobody asked for. This farm's own: other masters do not know it.
    /// </summary>
    /// <param name="Requirement">
    /// PEP 508 text: the package; its clauses choose among the versions that wait, its marker among the targets.
    /// </param>
    /// <param name="Version">The version as somebody spelled it; null: what the clauses choose.</param>
    /// <param name="All">Whether all versions that the clauses let in are meant, instead of the newest.</param>
    public sealed record Priority(string Requirement, string? Version, bool All) : ImportRequest
    {
        public override string Name => "PRIORITY";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteStartArray(3);
            writer.WriteTextString(Requirement);
            writer.WriteNullableText(Version);
            writer.WriteBoolean(All);
            writer.WriteEndArray();
            writer.WriteEndArray();
        }

        internal static Priority ReadData(WireReader reader)
        {
            reader.StartRecord("priority");
            var request = new Priority(
                reader.Text("requirement", WireLimits.LongTextLengthMax),
                reader.NullableText("version", WireLimits.TextLengthMax),
                reader.Boolean("all"));
            reader.EndRecord("priority");
            return request;
        }
    }
}

/// <summary>Which pages piw-rebuild has written again.</summary>
public enum RebuildScope
{
    Home,
    Search,

    /// <summary>The project page of one package, or of all.</summary>
    Project,

    /// <summary>Project page and simple index of one package, or of all.</summary>
    Both,
}

/// <summary>What the master answers the tools.</summary>
public abstract record ImportReply : IWireMessage<ImportReply>
{
    private ImportReply()
    {
    }

    public abstract string Name { get; }

    public static ImportReply Read(ReadOnlyMemory<byte> payload) =>
        WireReader.ReadMessage<ImportReply>(payload, static (reader, name, hasData) => (name, hasData) switch
        {
            ("SEND", true) => new Send(reader.Text("file name", WireLimits.TextLengthMax)),
            ("DONE", true) => new Done(reader.Text("what", WireLimits.TextLengthMax)),
            ("DONE", false) => new Done(null),
            ("RAISED", true) => Raised.ReadData(reader),
            ("STATE", true) => new State(FarmRows.Read(reader)),
            ("ERROR", true) => new Error(reader.Text("message", WireLimits.LongTextLengthMax)),
            _ => throw WireReader.Unknown(name, hasData),
        });

    public abstract void Write(CborWriter writer);

    /// <summary>Send this file over the file queue.</summary>
    public sealed record Send(string Filename) : ImportReply
    {
        public override string Name => "SEND";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteTextString(Filename);
            writer.WriteEndArray();
        }
    }

    /// <summary>It is done. What exactly, e.g. <c>NEWPKG</c>; null for a tool before 0.20.</summary>
    public sealed record Done(string? What) : ImportReply
    {
        public override string Name => "DONE";

        public override void Write(CborWriter writer)
        {
            if (What is null)
            {
                writer.WriteTextString(Name);
                return;
            }

            writer.WriteStartMessage(Name);
            writer.WriteTextString(What);
            writer.WriteEndArray();
        }
    }

    /// <summary>Answers <see cref="ImportRequest.Priority"/>: these go first from now on.</summary>
    /// <param name="Versions">The newest first.</param>
    /// <param name="Rows">Their rows in the targets' queues that moved; 0: they were asked for before.</param>
    public sealed record Raised(IReadOnlyList<string> Versions, long Rows) : ImportReply
    {
        public override string Name => "RAISED";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteStartArray(2);
            writer.WriteTexts(Versions);
            writer.WriteInt64(Rows);
            writer.WriteEndArray();
            writer.WriteEndArray();
        }

        internal static Raised ReadData(WireReader reader)
        {
            reader.StartRecord("raised");
            var reply = new Raised(
                reader.List("versions", WireLimits.VersionsMax, static r => r.Text("version", WireLimits.TextLengthMax)),
                reader.Size("rows"));
            reader.EndRecord("raised");
            return reply;
        }
    }

    /// <summary>Answers <see cref="ImportRequest.Status"/>.</summary>
    public sealed record State(FarmState Farm) : ImportReply
    {
        public override string Name => "STATE";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            FarmRows.Write(writer, Farm);
            writer.WriteEndArray();
        }
    }

    /// <summary>It is not done, and why: a word like <c>NOPKG</c>, or a sentence.</summary>
    public sealed record Error(string Message) : ImportReply
    {
        public override string Name => "ERROR";

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.WriteTextString(Message);
            writer.WriteEndArray();
        }
    }
}
