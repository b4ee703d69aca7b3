using System.Formats.Cbor;
using System.Text.Json.Nodes;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Tests.Protocols;

/// <summary>
/// One line of tests/data/wire.jsonl, encoded by the Python programs' library, or of wire-own.jsonl: this farm's own
/// messages on their queues, encoded by hand.
/// </summary>
public sealed record WireVector(string Queue, string From, string Message, string Note, JsonNode? Data, byte[] Cbor)
{
    public static IReadOnlyList<WireVector> All { get; } =
    [
        .. new[] { "wire.jsonl", "wire-own.jsonl" }.SelectMany(
            file => File.ReadLines(Path.Combine(AppContext.BaseDirectory, "data", file))).Select(line =>
        {
            var json = JsonNode.Parse(line)!;
            return new WireVector(
                (string)json["queue"]!,
                (string)json["from"]!,
                (string)json["message"]!,
                (string)json["note"]!,
                json["data"],
                Convert.FromHexString((string)json["cbor"]!));
        }),
    ];

    /// <summary>The set of messages that this line's queue speaks in this line's direction.</summary>
    public WireSet Set => WireSet.Public.Single(set => set.Queue == Queue && set.From == From);

    public override string ToString() => $"{Queue}: {From} says {Message} {Convert.ToHexString(Cbor)}";
}

/// <summary>One direction of a queue, for tests that do not care which.</summary>
/// <param name="Type">The abstract record.</param>
/// <param name="Read">Reads a payload.</param>
/// <param name="Write">Writes a message of this set.</param>
public sealed record WireSet(
    string Queue, string From, Type Type, Func<ReadOnlyMemory<byte>, object> Read, Func<object, byte[]> Write)
{
    public static IReadOnlyList<WireSet> Public { get; } =
    [
        Of<TaskControl>("task-control", "master"),
        Of<ControlMessage>("control", "monitor"),
        Of<StatusMessage>("status", "master"),
        Of<SlaveRequest>("slave", "slave"),
        Of<SlaveReply>("slave", "master"),
        Of<ImportRequest>("import", "tool"),
        Of<ImportReply>("import", "master"),
        Of<LogEntry>("log", "logger"),
        Of<HitsRequest>("hits", "logger"),
        Of<HitsReply>("hits", "master"),
        Of<LiveMessage>("live", "master"),
    ];

    /// <summary>The messages of this set.</summary>
    public IEnumerable<Type> Messages => Type.GetNestedTypes().Where(type => type.IsSubclassOf(Type));

    public override string ToString() => $"{Queue} from {From}";

    private static WireSet Of<T>(string queue, string from)
        where T : class, IWireMessage<T> => new(queue, from, typeof(T), payload => T.Read(payload), message =>
        {
            var writer = new CborWriter(CborConformanceMode.Lax);
            ((T)message).Write(writer);
            return writer.Encode();
        });
}
