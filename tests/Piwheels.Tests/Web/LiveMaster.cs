using System.Formats.Cbor;
using System.Text;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;
using Piwheels.Testing;
using Piwheels.Web;
using Xunit;

namespace Piwheels.Tests.Web;

/// <summary>A master's live queue, of which a test says every word. For one thread at a time.</summary>
internal sealed class LiveMaster : IDisposable
{
    public static readonly LiveTopic Numpy = new(
        new Release(PackageName.Parse("numpy"), "2.1.0"), new Target("cp311", "linux_armv7l"));

    public static readonly DateTimeOffset Since = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    public const string Path = "/live/numpy/2.1.0/cp311/linux_armv7l";

    private readonly TemporaryFolder _folder = new();
    private readonly ZmqContext _zmq = new();
    private readonly ZmqSocket _socket;

    public LiveMaster()
    {
        Address = $"ipc://{_folder["live"]}";
        _socket = _zmq.CreateSocket(ZmqSocketType.Xpub);
        _socket.Bind(Address);
    }

    public string Address { get; }

    public static LiveMessage Running(LiveReach reach = LiveReach.Followed, string label = "pi-1") =>
        new LiveMessage.Running(label, Since, reach);

    public static LiveMessage Kept(params (long Offset, string Text)[] pieces) =>
        new LiveMessage.Kept([.. pieces.Select(piece => Piece(piece.Offset, piece.Text))]);

    public static LiveMessage Printed(long offset, string text) => new LiveMessage.Printed(Piece(offset, text));

    public static OutputPiece Piece(long offset, string text) => new(offset, Encoding.UTF8.GetBytes(text));

    public static WebConfiguration Told(LiveMaster master, WebLimits? limits = null) =>
        new() { LiveQueue = master.Address, Limits = limits ?? new WebLimits() };

    /// <summary>The next who comes, or goes, as a sign and the topic: <c>+numpy 2.1.0 ...</c></summary>
    public string Hear()
    {
        Assert.True(_socket.WaitReadable(Waiting.Limit), "nobody subscribes");
        Assert.True(_socket.TryReceive(out var frames));
        var frame = Assert.Single(frames).Span;
        return (frame[0] == 1 ? "+" : "-") + Encoding.ASCII.GetString(frame[1..]).TrimEnd('\n');
    }

    public void Tell(params LiveMessage[] messages) => Tell(Numpy.ToBytes(), messages);

    public void Tell(ReadOnlyMemory<byte> topic, params LiveMessage[] messages)
    {
        foreach (var message in messages)
        {
            var writer = new CborWriter();
            message.Write(writer);
            Tell(topic, writer.Encode());
        }
    }

    public void Tell(ReadOnlyMemory<byte> topic, ReadOnlyMemory<byte> payload) => Assert.True(_socket.TrySend(topic, payload));

    /// <summary>Has somebody ask for the page of a build that the master tells this of.</summary>
    public async Task<HttpResponseMessage> PageAsync(ServedSite site, params LiveMessage[] messages)
    {
        var asking = site.SendAsync(Path);
        Assert.Equal("+numpy 2.1.0 cp311 linux_armv7l", Hear());
        Tell(messages);
        return await asking.Within();
    }

    public void Dispose()
    {
        _socket.Dispose();
        _zmq.Dispose();
        _folder.Dispose();
    }
}

/// <summary>A stream of server-sent events as a browser reads it.</summary>
internal sealed class EventStream(HttpResponseMessage response, StreamReader reader) : IDisposable
{
    public HttpResponseMessage Response => response;

    public static async Task<EventStream> OpenAsync(ServedSite site, string path, params (string, string)[] headers)
    {
        var response = await site.SendAsync(path, [("Accept", "text/event-stream"), .. headers]).Within();
        return new EventStream(response, new StreamReader(await response.Content.ReadAsStreamAsync()));
    }

    /// <summary>The next event of a kind: its id and its data; others are passed over.</summary>
    public async Task<(string Id, string Data)> NextAsync(string kind)
    {
        var fields = new Dictionary<string, string>();
        while (await reader.ReadLineAsync().Within() is { } line)
        {
            if (line.Length > 0)
            {
                var colon = line.IndexOf(": ", StringComparison.Ordinal);
                fields[colon < 0 ? line : line[..colon]] = colon < 0 ? "" : line[(colon + 2)..];
            }
            else if (fields.GetValueOrDefault("event", ":") == kind && (kind != ":" || fields.ContainsKey(":")))
            {
                return (fields.GetValueOrDefault("id", ""), fields.GetValueOrDefault("data", ""));
            }
            else
            {
                fields.Clear();
            }
        }

        throw new EndOfStreamException($"the stream ended without {kind}");
    }

    public Task<string> RestAsync() => reader.ReadToEndAsync().Within();

    public void Dispose()
    {
        reader.Dispose();
        response.Dispose();
    }
}
