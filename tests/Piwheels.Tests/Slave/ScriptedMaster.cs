using System.Text.Json;
using Piwheels.Testing;

namespace Piwheels.Tests.Slave;

/// <summary>A line that tests/peers/master.py printed: what the slave said, what it was answered, or a file that came.</summary>
internal sealed record MasterLine(JsonElement Json)
{
    public string? Said => Text("said");

    public string? Answered => Json.TryGetProperty("answered", out var reply)
        ? reply.ValueKind == JsonValueKind.Array ? reply[0].GetString() : reply.GetString()
        : null;

    public string? File => Text("file");

    public string? Error => Text("error");

    public JsonElement Data => Json.GetProperty("data");

    private string? Text(string name) => Json.TryGetProperty(name, out var value) ? value.GetString() : null;
}

/// <summary>A master in Python that follows a script, and what it has seen so far.</summary>
internal sealed class ScriptedMaster : IAsyncDisposable
{
    private readonly PythonPeer _peer;
    private readonly List<MasterLine> _lines = [];
    private Task _slave = new TaskCompletionSource().Task;

    private ScriptedMaster(PythonPeer peer) => _peer = peer;

    public string SlaveQueue { get; private set; } = "";

    public string FileQueue { get; private set; } = "";

    /// <summary>The requests of the slave in their order, BUSY left out: how often it is said depends on the machine.</summary>
    public string Requests => string.Join(' ', _lines.Select(line => line.Said).Where(said => said is not (null or "BUSY")));

    public IEnumerable<MasterLine> Files => _lines.Where(line => line.File is not null);

    /// <summary>The data of the last request of this name.</summary>
    public JsonElement Last(string request) => _lines.Last(line => line.Said == request).Data;

    /// <param name="script">The options of master.py, as JSON without the outer braces.</param>
    public static async Task<ScriptedMaster> StartAsync(SourceIndex index, string script)
    {
        var master = new ScriptedMaster(PythonPeer.Start("master.py", $$"""{"index": "{{index.Url}}", {{script}}}"""));
        var addresses = await master.ReadAsync();
        master.SlaveQueue = addresses.Json.GetProperty("slave_queue").GetString()!;
        master.FileQueue = addresses.Json.GetProperty("file_queue").GetString()!;
        return master;
    }

    /// <summary>Changes the script from now on.</summary>
    /// <param name="options">Of master.py, as JSON.</param>
    public Task TellAsync(string options) => _peer.WriteLineAsync(options);

    /// <summary>Reads on until the slave has said this.</summary>
    public async Task<MasterLine> WhenSaidAsync(string request)
    {
        while (true)
        {
            var line = await ReadAsync();
            if (line.Said == request) return line;
        }
    }

    /// <summary>Reads on until the slave has left, and the master with it.</summary>
    public async Task EndAsync()
    {
        await WhenSaidAsync("BYE");
        Xunit.Assert.Equal(0, await _peer.ExitAsync());
    }

    public ValueTask DisposeAsync() => _peer.DisposeAsync();

    /// <summary>What goes wrong in the slave shall end the waiting for its words.</summary>
    public Task<T> With<T>(Task<T> slave)
    {
        _slave = slave;
        return slave;
    }

    private async Task<MasterLine> ReadAsync()
    {
        var reading = _peer.ReadLineAsync();
        if (await Task.WhenAny(reading, _slave) == _slave) await _slave;
        using var document = JsonDocument.Parse(await reading);
        var line = new MasterLine(document.RootElement.Clone());
        _lines.Add(line);
        Xunit.Assert.Null(line.Error);
        return line;
    }
}
