using System.Formats.Cbor;
using Piwheels.Core.States;
using Piwheels.Messaging.Cbor;

namespace Piwheels.Messaging.Protocols;

/// <summary>What piw-logger tells of the web server's log; nothing is answered.</summary>
public abstract record LogEntry : IWireMessage<LogEntry>
{
    private LogEntry()
    {
    }

    public abstract string Name { get; }

    /// <summary>What was read, by whom and when.</summary>
    public abstract AccessState Access { get; }

    public static LogEntry Read(ReadOnlyMemory<byte> payload) =>
        WireReader.ReadMessage<LogEntry>(payload, static (reader, name, hasData) =>
            hasData ? ReadData(reader, name) : throw WireReader.Unknown(name, hasData));

    /// <summary>The message for an access of any kind.</summary>
    public static LogEntry Of(AccessState access) => access switch
    {
        DownloadState download => new Download(download),
        SearchState search => new Search(search),
        ProjectState project => new Project(project),
        JsonState json => new Json(json),
        PageState page => new Page(page),
        _ => throw new ArgumentException($"no message tells of {access.GetType().Name}", nameof(access)),
    };

    public abstract void Write(CborWriter writer);

    internal static LogEntry ReadData(WireReader reader, string name) => name switch
    {
        "LOGDOWNLOAD" => new Download(AccessStates.ReadDownload(reader)),
        "LOGSEARCH" => new Search(AccessStates.ReadSearch(reader)),
        "LOGPROJECT" => new Project(AccessStates.ReadProject(reader)),
        "LOGJSON" => new Json(AccessStates.ReadJson(reader)),
        "LOGPAGE" => new Page(AccessStates.ReadPage(reader)),
        _ => throw WireReader.Unknown(name, hasData: true),
    };

    /// <summary>A wheel was downloaded.</summary>
    public sealed record Download(DownloadState State) : LogEntry
    {
        public override string Name => "LOGDOWNLOAD";

        public override AccessState Access => State;

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.Write(State);
            writer.WriteEndArray();
        }
    }

    /// <summary>An installer looked a package up.</summary>
    public sealed record Search(SearchState State) : LogEntry
    {
        public override string Name => "LOGSEARCH";

        public override AccessState Access => State;

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.Write(State);
            writer.WriteEndArray();
        }
    }

    /// <summary>A project page was read.</summary>
    public sealed record Project(ProjectState State) : LogEntry
    {
        public override string Name => "LOGPROJECT";

        public override AccessState Access => State;

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.Write(State);
            writer.WriteEndArray();
        }
    }

    /// <summary>A project's JSON was read.</summary>
    public sealed record Json(JsonState State) : LogEntry
    {
        public override string Name => "LOGJSON";

        public override AccessState Access => State;

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.Write(State);
            writer.WriteEndArray();
        }
    }

    /// <summary>Another page of the site was read.</summary>
    public sealed record Page(PageState State) : LogEntry
    {
        public override string Name => "LOGPAGE";

        public override AccessState Access => State;

        public override void Write(CborWriter writer)
        {
            writer.WriteStartMessage(Name);
            writer.Write(State);
            writer.WriteEndArray();
        }
    }
}
