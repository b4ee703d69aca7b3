using System.Text.Json;
using System.Text.Json.Nodes;
using Piwheels.Testing;

namespace Piwheels.Tests.Messaging;

/// <summary>python3-zmq under our command: tests/peers/zmq_peer.py.</summary>
public sealed class ZmqPeer : IAsyncDisposable
{
    private readonly PythonPeer _python = PythonPeer.Start("zmq_peer.py");

    public async Task<(int Socket, string Endpoint)> OpenAsync(
        string type, string address, bool bind = false, JsonObject? options = null)
    {
        var answer = await DoAsync(new()
        {
            ["do"] = "open",
            ["type"] = type,
            ["address"] = address,
            ["bind"] = bind,
            ["options"] = options,
        });
        return ((int)answer["socket"]!, (string)answer["endpoint"]!);
    }

    public async Task<bool> SendAsync(int socket, params byte[][] frames)
    {
        var hex = new JsonArray([.. frames.Select(frame => JsonValue.Create(Convert.ToHexString(frame)))]);
        return (bool)(await DoAsync(new() { ["do"] = "send", ["socket"] = socket, ["frames"] = hex }))["sent"]!;
    }

    /// <returns>Null when nothing came within the limit.</returns>
    public async Task<byte[][]?> ReceiveAsync(int socket, TimeSpan limit)
    {
        var answer = await DoAsync(new()
        {
            ["do"] = "receive",
            ["socket"] = socket,
            ["limit"] = (int)limit.TotalMilliseconds,
        });
        return answer["frames"]?.AsArray().Select(frame => Convert.FromHexString((string)frame!)).ToArray();
    }

    public Task CloseAsync(int socket) => DoAsync(new() { ["do"] = "close", ["socket"] = socket });

    public async Task<(int Answers, int Distinct)> CrowdAsync(string address, int count, byte[] payload)
    {
        var answer = await DoAsync(new()
        {
            ["do"] = "crowd",
            ["address"] = address,
            ["count"] = count,
            ["payload"] = Convert.ToHexString(payload),
        });
        return ((int)answer["answers"]!, (int)answer["distinct"]!);
    }

    private async Task<JsonObject> DoAsync(JsonObject command)
    {
        await _python.WriteLineAsync(command.ToJsonString());
        var answer = JsonNode.Parse(await _python.ReadLineAsync())!.AsObject();
        return answer["error"] is { } error ? throw new JsonException((string)error!) : answer;
    }

    public ValueTask DisposeAsync() => _python.DisposeAsync();
}
