using System.Text.Json.Nodes;
using Piwheels.Testing;

namespace Piwheels.EndToEnd.Tests;

/// <summary>The tools of piwheels, played by tests/peers/tool.py; a message is JSON, <c>["DONE","NEWPKG"]</c> or <c>"DONE"</c>.</summary>
internal sealed class PythonTools : IAsyncDisposable
{
    private readonly PythonPeer _python = PythonPeer.Start("tool.py");

    /// <summary>Connects, and calls it by a name.</summary>
    public Task OpenAsync(string name, string type, string address) =>
        DoAsync(new JsonObject { ["do"] = "open", ["name"] = name, ["type"] = type, ["address"] = address });

    /// <summary>Asks, and answers what was answered.</summary>
    /// <param name="data">JSON; null: the message has none.</param>
    /// <param name="until">Asks again until this is the answer.</param>
    public async Task<string> AskAsync(string name, string message, string? data = null, string? until = null)
    {
        var command = Message("ask", name, message, data);
        if (until is not null) command["until"] = JsonNode.Parse(until);
        return (await DoAsync(command))["answer"]!.ToJsonString();
    }

    public Task TellAsync(string name, string message, string? data = null) => DoAsync(Message("tell", name, message, data));

    /// <summary>Reads on until this message comes.</summary>
    public async Task<JsonNode> HearAsync(string name, string message) =>
        (await DoAsync(Message("hear", name, message, null)))["answer"]!;

    /// <summary>Imports a wheel; answers all that was answered.</summary>
    /// <param name="fields">Of its file state: ten before 0.22, eleven since.</param>
    public async Task<string> ImportAsync(
        string name, string files, string wheel, string? abi, int fields, string version = "1.0", bool status = true) =>
        (await DoAsync(new JsonObject
        {
            ["do"] = "import",
            ["name"] = name,
            ["files"] = files,
            ["wheel"] = wheel,
            ["abi"] = abi,
            ["fields"] = fields,
            ["version"] = version,
            ["status"] = status,
        }))["answers"]!.ToJsonString();

    public ValueTask DisposeAsync() => _python.DisposeAsync();

    private static JsonObject Message(string what, string name, string message, string? data)
    {
        var command = new JsonObject { ["do"] = what, ["name"] = name, ["message"] = message };
        if (data is not null) command["data"] = JsonNode.Parse(data);
        return command;
    }

    private async Task<JsonObject> DoAsync(JsonObject command)
    {
        await _python.WriteLineAsync(command.ToJsonString());
        var answer = JsonNode.Parse(await _python.ReadLineAsync())!.AsObject();
        return answer["error"] is { } error
            ? throw new InvalidOperationException($"{command.ToJsonString()}: {error}")
            : answer;
    }
}
