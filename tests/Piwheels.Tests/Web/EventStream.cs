using Piwheels.Testing;

namespace Piwheels.Tests.Web;

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
