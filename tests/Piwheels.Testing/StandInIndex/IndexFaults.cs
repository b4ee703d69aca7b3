using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Piwheels.Testing;

/// <summary>
/// Spoils the answers of an index: give <see cref="HandleAsync"/> to the stand-in as what is called around each
/// request.
/// Counts requests, too.
/// </summary>
public sealed class IndexFaults : IDisposable
{
    private readonly ConcurrentQueue<string> _requests = new();
    private readonly ConcurrentDictionary<string, (Func<HttpContext, Task> Fault, int Left)> _faults = new();
    private readonly CancellationTokenSource _released = new();
    private int _underWay;

    /// <summary>The requests so far, as <c>GET /simple/x/</c>.</summary>
    public IReadOnlyList<string> Requests => [.. _requests];

    /// <summary>The most requests that were under way at once.</summary>
    public int UnderWayMost { get; private set; }

    /// <summary>Called with each request before it is answered.</summary>
    public Action<HttpRequest>? Seen { get; set; }

    /// <summary>Has requests for exactly this path fail, the given number of times.</summary>
    public void Spoil(string path, Func<HttpContext, Task> fault, int times = int.MaxValue) =>
        _faults[path] = (fault, times);

    /// <summary>Has requests for a path answered well again.</summary>
    public void Mend(string path) => _faults.TryRemove(path, out _);

    public async Task HandleAsync(HttpContext context, Func<Task> next)
    {
        var path = context.Request.Path.Value ?? "";
        _requests.Enqueue($"{context.Request.Method} {path}");
        Seen?.Invoke(context.Request);
        var underWay = Interlocked.Increment(ref _underWay);
        if (underWay > UnderWayMost) UnderWayMost = underWay;
        try
        {
            await (TakeFault(path) is { } fault ? fault(context) : next());
        }
        finally
        {
            Interlocked.Decrement(ref _underWay);
        }
    }

    public void Dispose()
    {
        _released.Cancel();
        _released.Dispose();
    }

    /// <summary>A status and nothing else.</summary>
    public static Func<HttpContext, Task> Status(int status, string? retryAfter = null) => context =>
    {
        context.Response.StatusCode = status;
        if (retryAfter is not null) context.Response.Headers.RetryAfter = retryAfter;
        return Task.CompletedTask;
    };

    /// <summary>Sends the client elsewhere.</summary>
    public static Func<HttpContext, Task> Redirect(int status, string location) => context =>
    {
        context.Response.StatusCode = status;
        context.Response.Headers.Location = location;
        return Task.CompletedTask;
    };

    /// <summary>A fault of XML-RPC, which comes with a good status.</summary>
    public static Func<HttpContext, Task> XmlRpcFault(int code, string text) => Body(
        "text/xml",
        "<?xml version='1.0'?><methodResponse><fault><value><struct>" +
        $"<member><name>faultCode</name><value><int>{code}</int></value></member>" +
        $"<member><name>faultString</name><value><string>{text}</string></value></member>" +
        "</struct></value></fault></methodResponse>");

    /// <summary>A good status, and a body of the test's choice.</summary>
    public static Func<HttpContext, Task> Body(string type, string body) => context =>
    {
        context.Response.ContentType = type;
        return context.Response.WriteAsync(body);
    };

    /// <summary>Half of what was announced, then the connection is cut.</summary>
    public static Func<HttpContext, Task> HalfABody(string type, string body) => async context =>
    {
        context.Response.ContentType = type;
        context.Response.ContentLength = Encoding.UTF8.GetByteCount(body);
        await context.Response.WriteAsync(body[..(body.Length / 2)]);
        await context.Response.Body.FlushAsync();
        context.Abort();
    };

    /// <summary>Accepts the request and never says a word, until the client gives up.</summary>
    public Func<HttpContext, Task> NeverAnswers() => async context =>
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, _released.Token);
        var never = new TaskCompletionSource();
        await using var _ = either.Token.Register(never.SetResult);
        await never.Task;
    };

    /// <summary>Begins the answer, then stands still.</summary>
    public Func<HttpContext, Task> Stalls(string type, string beginning) => async context =>
    {
        context.Response.ContentType = type;
        await context.Response.WriteAsync(beginning);
        await context.Response.Body.FlushAsync();
        await NeverAnswers()(context);
    };

    /// <summary>Begins the answer, then sends one blank each time that a clock has moved on, for ever.</summary>
    public Func<HttpContext, Task> Dribbles(
        string type, string beginning, TimeProvider clock, TimeSpan interval) => async context =>
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, _released.Token);
        context.Response.ContentType = type;
        await context.Response.WriteAsync(beginning, either.Token);
        while (!either.IsCancellationRequested)
        {
            await context.Response.WriteAsync(" ", either.Token);
            await context.Response.Body.FlushAsync(either.Token);
            await Task.Delay(interval, clock, either.Token);
        }
    };

    /// <summary>Text without end (up to a size), in one value.</summary>
    public static Func<HttpContext, Task> Endless(string type, string beginning, long bytes) => async context =>
    {
        context.Response.ContentType = type;
        await context.Response.WriteAsync(beginning);
        var block = Encoding.ASCII.GetBytes(new string('a', 64 << 10));
        for (var sent = 0L; sent < bytes && !context.RequestAborted.IsCancellationRequested; sent += block.Length)
            await context.Response.Body.WriteAsync(block, context.RequestAborted);
    };

    private Func<HttpContext, Task>? TakeFault(string path)
    {
        while (_faults.TryGetValue(path, out var entry))
        {
            if (entry.Left <= 0) return null;
            if (_faults.TryUpdate(path, entry with { Left = entry.Left - 1 }, entry)) return entry.Fault;
        }

        return null;
    }
}
