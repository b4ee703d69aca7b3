using System.Formats.Cbor;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Cbor;

namespace Piwheels.Messaging.Protocols;

/// <summary>
/// What the database answers: one message for each kind of result of <see cref="IDatabase"/>'s methods. A
/// <see cref="DatabaseException"/> is no message, but a failure of the request.
/// </summary>
public abstract record DbReply : IWireMessage<DbReply>
{
    private DbReply()
    {
    }

    public abstract string Name { get; }

    public static DbReply Read(ReadOnlyMemory<byte> payload) =>
        WireReader.ReadMessage<DbReply>(payload, static (reader, name, hasData) => (name, hasData) switch
        {
            ("OK", false) => new Ok(),
            ("FLAG", true) => new Flag(reader.Boolean("flag")),
            ("FLAGS", true) => new Flags(reader.List("flags", WireLimits.RowsMax, static r => r.Boolean("flag"))),
            ("NUMBER", true) => new Number(reader.Size("number")),
            ("TIME", true) => new Time(reader.TryNull() ? null : reader.Timestamp("time")),
            ("TEXT", true) => new Text(reader.NullableText("text", WireLimits.LongTextLengthMax)),
            ("TEXTS", true) => new Texts(reader.List("texts", WireLimits.RowsMax, ReadText)),
            ("NUMBERS", true) => new Numbers(reader.List("numbers", WireLimits.RowsMax, ReadNumber)),
            ("PACKAGES", true) => new Packages(ReadSet(reader, BuildStates.ReadPackage)),
            ("RELEASES", true) => new Releases(ReadSet(reader, BuildStates.ReadRelease)),
            ("SELECTION", true) => new Selected(SelectionRows.ReadSelection(reader)),
            ("NAMES", true) => new Names(SelectionRows.ReadNames(reader)),
            ("UNEXAMINED", true) => new Unexamined(
                reader.List("files", WireLimits.RowsMax, SelectionRows.ReadUnexamined)),
            ("POLICIES", true) => new Policies(UpstreamRows.ReadPolicies(reader)),
            ("UPOWED", true) => new UpstreamOwed(
                reader.List("packages", WireLimits.RowsMax, UpstreamRows.ReadOwed)),
            ("STATUS", true) => new Status(SelectionRows.ReadStatus(reader)),
            ("TARGETS", true) => new Targets(
                reader.List("targets", WireLimits.TargetsMax, DatabaseRows.ReadTargetRow)),
            ("QUEUE", true) => new Queue(QueueRows.Read(reader)),
            ("HELD", true) => new Held(reader.List("held builds", WireLimits.RowsMax, QueueRows.ReadHeld)),
            ("LENGTHS", true) => new Lengths(QueueRows.ReadLengths(reader)),
            ("PROJECT", true) => new Project(reader.TryNull() ? null : ProjectRows.ReadProject(reader)),
            ("FILES", true) => new Files(reader.Map(
                "files", WireLimits.RowsMax, static r => r.Text("hash", WireLimits.TextLengthMax))),
            ("VERSIONS", true) => new Versions(
                reader.List("versions", WireLimits.RowsMax, ProjectRows.ReadVersionRow)),
            ("PROJFILES", true) => new ProjectFiles(
                reader.List("files", WireLimits.RowsMax, ProjectRows.ReadFileRow)),
            ("SEARCH", true) => new Search(SearchRows.ReadIndex(reader)),
            ("CHANGES", true) => new Changes(SearchRows.ReadChanges(reader)),
            ("REMOVALS", true) => new Removals(ChangelogRows.ReadKnown(reader)),
            ("REWRITES", true) => new Rewrites(
                reader.List("rewrites", WireLimits.RowsMax, DatabaseRows.ReadRewrite)),
            ("STATS", true) => new Statistics(DatabaseRows.ReadStatistics(reader)),
            ("HISTORY", true) => new History(reader.List("figures", WireLimits.RowsMax, HistoryRows.ReadFigure)),
            ("NEWBUILDS", true) => new NewBuilds(reader.List("builds", WireLimits.RowsMax, HistoryRows.ReadBuild)),
            _ => throw WireReader.Unknown(name, hasData),
        });

    public virtual void Write(CborWriter writer)
    {
        writer.WriteStartMessage(Name);
        WriteData(writer);
        writer.WriteEndArray();
    }

    private protected abstract void WriteData(CborWriter writer);

    private static string ReadText(WireReader reader) => reader.Text("text", WireLimits.LongTextLengthMax);

    private static long ReadNumber(WireReader reader) => reader.Size("number");

    private static HashSet<T> ReadSet<T>(WireReader reader, Func<WireReader, T> item) =>
        [.. reader.List("set", WireLimits.RowsMax, item)];

    /// <summary>It is done.</summary>
    public sealed record Ok : DbReply
    {
        public override string Name => "OK";

        public override void Write(CborWriter writer) => writer.WriteTextString(Name);

        private protected override void WriteData(CborWriter writer) =>
            throw new InvalidOperationException($"{Name} carries no data");
    }

    public sealed record Flag(bool Value) : DbReply
    {
        public override string Name => "FLAG";

        private protected override void WriteData(CborWriter writer) => writer.WriteBoolean(Value);
    }

    public sealed record Flags(IReadOnlyList<bool> Values) : DbReply
    {
        public override string Name => "FLAGS";

        private protected override void WriteData(CborWriter writer) =>
            writer.WriteList(Values, static (w, flag) => w.WriteBoolean(flag));
    }

    public sealed record Held(IReadOnlyList<HeldBuild> Rows) : DbReply
    {
        public override string Name => "HELD";

        private protected override void WriteData(CborWriter writer) =>
            writer.WriteList(Rows, static (w, held) => w.Write(held));
    }

    public sealed record Number(long Value) : DbReply
    {
        public override string Name => "NUMBER";

        private protected override void WriteData(CborWriter writer) => writer.WriteInt64(Value);
    }

    public sealed record Time(DateTimeOffset? Value) : DbReply
    {
        public override string Name => "TIME";

        private protected override void WriteData(CborWriter writer) => writer.WriteNullableTimestamp(Value);
    }

    public sealed record Text(string? Value) : DbReply
    {
        public override string Name => "TEXT";

        private protected override void WriteData(CborWriter writer) => writer.WriteNullableText(Value);
    }

    public sealed record Texts(IReadOnlyCollection<string> Values) : DbReply
    {
        public override string Name => "TEXTS";

        private protected override void WriteData(CborWriter writer) => writer.WriteTexts(Values);
    }

    public sealed record Numbers(IReadOnlyList<long> Values) : DbReply
    {
        public override string Name => "NUMBERS";

        private protected override void WriteData(CborWriter writer) =>
            writer.WriteList(Values, static (w, number) => w.WriteInt64(number));
    }

    public sealed record Packages(IReadOnlySet<PackageName> Values) : DbReply
    {
        public override string Name => "PACKAGES";

        private protected override void WriteData(CborWriter writer) =>
            writer.WriteList(Values, static (w, package) => w.WriteTextString(package.Value));
    }

    public sealed record Releases(IReadOnlySet<Release> Values) : DbReply
    {
        public override string Name => "RELEASES";

        private protected override void WriteData(CborWriter writer) =>
            writer.WriteList(Values, static (w, release) => w.Write(release));
    }

    public sealed record Removals(KnownRemovals Known) : DbReply
    {
        public override string Name => "REMOVALS";

        private protected override void WriteData(CborWriter writer) => writer.Write(Known);
    }

    public sealed record Selected(Selection Value) : DbReply
    {
        public override string Name => "SELECTION";

        private protected override void WriteData(CborWriter writer) => writer.Write(Value);
    }

    public sealed record Names(NameLists Value) : DbReply
    {
        public override string Name => "NAMES";

        private protected override void WriteData(CborWriter writer) => writer.Write(Value);
    }

    public sealed record Unexamined(IReadOnlyList<UnexaminedFile> Rows) : DbReply
    {
        public override string Name => "UNEXAMINED";

        private protected override void WriteData(CborWriter writer) =>
            writer.WriteList(Rows, static (w, file) => w.Write(file));
    }

    public sealed record Policies(UpstreamPolicies Value) : DbReply
    {
        public override string Name => "POLICIES";

        private protected override void WriteData(CborWriter writer) => writer.Write(Value);
    }

    public sealed record UpstreamOwed(IReadOnlyList<Core.Database.UpstreamOwed> Rows) : DbReply
    {
        public override string Name => "UPOWED";

        private protected override void WriteData(CborWriter writer) =>
            writer.WriteList(Rows, static (w, row) => w.Write(row));
    }

    public sealed record Status(SelectionStatus Value) : DbReply
    {
        public override string Name => "STATUS";

        private protected override void WriteData(CborWriter writer) => writer.Write(Value);
    }

    public sealed record Targets(IReadOnlyList<TargetRow> Rows) : DbReply
    {
        public override string Name => "TARGETS";

        private protected override void WriteData(CborWriter writer) =>
            writer.WriteList(Rows, static (w, row) => w.Write(row));
    }

    public sealed record Queue(IReadOnlyDictionary<Target, IReadOnlyList<Release>> Rows) : DbReply
    {
        public override string Name => "QUEUE";

        private protected override void WriteData(CborWriter writer) => QueueRows.Write(writer, Rows);
    }

    public sealed record Lengths(IReadOnlyDictionary<Target, long> Rows) : DbReply
    {
        public override string Name => "LENGTHS";

        private protected override void WriteData(CborWriter writer) => QueueRows.WriteLengths(writer, Rows);
    }

    public sealed record Project(ProjectData? Data) : DbReply
    {
        public override string Name => "PROJECT";

        private protected override void WriteData(CborWriter writer)
        {
            if (Data is null) writer.WriteNull();
            else writer.Write(Data);
        }
    }

    /// <summary>Hashes by file name.</summary>
    public sealed record Files(IReadOnlyDictionary<string, string> Hashes) : DbReply
    {
        public override string Name => "FILES";

        private protected override void WriteData(CborWriter writer) =>
            writer.WriteMap(Hashes, static (w, hash) => w.WriteTextString(hash));
    }

    public sealed record Versions(IReadOnlyList<ProjectVersionRow> Rows) : DbReply
    {
        public override string Name => "VERSIONS";

        private protected override void WriteData(CborWriter writer) =>
            writer.WriteList(Rows, static (w, row) => w.Write(row));
    }

    public sealed record ProjectFiles(IReadOnlyList<ProjectFileRow> Rows) : DbReply
    {
        public override string Name => "PROJFILES";

        private protected override void WriteData(CborWriter writer) =>
            writer.WriteList(Rows, static (w, row) => w.Write(row));
    }

    public sealed record Search(SearchIndex Index) : DbReply
    {
        public override string Name => "SEARCH";

        private protected override void WriteData(CborWriter writer) => writer.Write(Index);
    }

    public sealed record Changes(SearchChanges Value) : DbReply
    {
        public override string Name => "CHANGES";

        private protected override void WriteData(CborWriter writer) => writer.Write(Value);
    }

    public sealed record Rewrites(IReadOnlyList<RewritePending> Rows) : DbReply
    {
        public override string Name => "REWRITES";

        private protected override void WriteData(CborWriter writer) =>
            writer.WriteList(Rows, static (w, row) => w.Write(row));
    }

    public sealed record Statistics(FarmStatistics Value) : DbReply
    {
        public override string Name => "STATS";

        private protected override void WriteData(CborWriter writer) => writer.Write(Value);
    }

    public sealed record History(IReadOnlyList<HistoryFigure> Rows) : DbReply
    {
        public override string Name => "HISTORY";

        private protected override void WriteData(CborWriter writer) =>
            writer.WriteList(Rows, static (w, row) => w.Write(row));
    }

    public sealed record NewBuilds(IReadOnlyList<NewBuild> Rows) : DbReply
    {
        public override string Name => "NEWBUILDS";

        private protected override void WriteData(CborWriter writer) =>
            writer.WriteList(Rows, static (w, row) => w.Write(row));
    }
}
