using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;

namespace Piwheels.Web;

/// <summary>
/// What a build prints, as server-sent events (WHATWG HTML, section 9.2): <c>status</c> with a sentence, <c>lines</c> with
/// new ones, of which the id is where the next begin, and <c>end</c> with the path of the finished log or null. Data is JSON.
/// </summary>
internal sealed partial class LiveStream(HttpContext context, LiveWatch watch, WebLimits limits, TimeProvider time)
{
    /// <summary>A master that says nothing of a build for so long is taken for gone.</summary>
    internal static readonly TimeSpan SilenceMax = TimeSpan.FromMinutes(1);

    private const string MediaType = "text/event-stream";

    // Read as JSON and shown as text, so that nothing in it can be markup
    private static readonly EventJson Json = new(new JsonSerializerOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    private readonly StringBuilder _events = new();
    private string _status = "";
    private long _position;

    internal static bool IsAskedFor(HttpRequest request) =>
        MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out var ranges)
        && ranges.Any(static range => range.MediaType.Equals(MediaType, StringComparison.OrdinalIgnoreCase));

    /// <summary>Sends to the build's end, or as long as a stream may be; who is not done by then comes again.</summary>
    internal async Task SendAsync(CancellationToken ct)
    {
        context.Response.ContentType = MediaType;
        // nginx would hold it back
        context.Response.Headers["X-Accel-Buffering"] = "no";
        if (!HttpMethods.IsGet(context.Request.Method)) return;
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        _position = FirstPosition();
        _events.Append("retry: 5000\n\n");
        for (var began = time.GetTimestamp(); time.GetElapsedTime(began) < limits.StreamTime;)
        {
            var changed = Gather(out var hasEnded);
            await context.Response.WriteAsync(_events.ToString(), ct);
            await context.Response.Body.FlushAsync(ct);
            if (hasEnded) return;
            _events.Clear();
            if (!await ChangesAsync(changed, ct)) _events.Append(":\n\n");
        }
    }

    /// <summary>Writes what is new; answers what ends when there is more.</summary>
    private Task Gather(out bool hasEnded)
    {
        var look = watch.Look(_position);
        hasEnded = look.HasEnded;
        if (look.IsWhole)
        {
            // It was given to another slave, and begins anew
            if (_position > look.End) (_position, look) = (0, watch.Look());
            var (lines, next) = LiveText.Read(look.Pieces, _position, hasEnded);
            _position = next;
            if (lines.Count > 0) Add("lines", lines, Json.ListString, next);
        }

        if (look.State is not null && LivePages.StatusOf(look, time.GetUtcNow()) is var status && status != _status)
            Add("status", _status = status, Json.String);
        if (hasEnded) Add("end", LivePages.LogPathOf(look.State), Json.String!);
        return look.Changed;
    }

    /// <summary>False when nothing has changed for as long as a connection should be silent.</summary>
    private async Task<bool> ChangesAsync(Task changed, CancellationToken ct)
    {
        try
        {
            await changed.WaitAsync(limits.HeartbeatInterval, time, ct);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    // A browser that comes again says what it had; at first the page says what it shows
    private long FirstPosition()
    {
        var text = context.Request.Headers["Last-Event-ID"].ToString();
        if (text.Length == 0) text = context.Request.Query["from"].ToString();
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var position) ? position : 0;
    }

    private void Add<T>(string name, T data, JsonTypeInfo<T> type, long? id = null)
    {
        if (id is { } number) _events.Append(CultureInfo.InvariantCulture, $"id: {number}\n");
        _events.Append(CultureInfo.InvariantCulture, $"event: {name}\ndata: {JsonSerializer.Serialize(data, type)}\n\n");
    }

    [JsonSerializable(typeof(string))]
    [JsonSerializable(typeof(List<string>))]
    private sealed partial class EventJson : JsonSerializerContext;
}
