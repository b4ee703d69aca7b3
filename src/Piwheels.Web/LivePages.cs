using System.Globalization;
using System.Net;
using System.Text.Encodings.Web;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http;
using Piwheels.Messaging.Protocols;
using Piwheels.Pages;
using RazorSlices;
using Templates = Piwheels.Pages.templates;

namespace Piwheels.Web;

/// <summary>
/// Pages of what runs now: <c>/live/</c> is the list, <c>/live/PACKAGE/VERSION/ABI/PLATFORM</c> a build; to who accepts
/// <c>text/event-stream</c> what it prints from now on.
/// </summary>
/// <param name="stopping">Ends the streams.</param>
internal sealed class LivePages(
    LiveFeed feed, Site site, ClientAddress clients, WebLimits limits, TimeProvider time, CancellationToken stopping)
{
    internal const string Folder = "live";

    /// <summary>How long a page waits for the master's first word on it.</summary>
    internal static readonly TimeSpan FirstWordTime = TimeSpan.FromSeconds(3);

    private const string Silence = "The master says nothing of running builds at the moment.";

    private static readonly HtmlEncoder Encoder = HtmlEncoder.Create(UnicodeRanges.All);

    private readonly StreamGate _streams = new(limits.StreamsMax, limits.AddressStreamsMax);

    /// <summary>Streams that are open.</summary>
    internal int StreamCount => _streams.Count;

    /// <summary>Answers a request below /live/.</summary>
    /// <returns>False where there is no such page.</returns>
    internal async Task<bool> HandleAsync(HttpContext context, string[] segments)
    {
        context.Response.Headers.CacheControl = "no-store";
        if (segments is [_, ""])
        {
            await ListAsync(context);
            return true;
        }

        if (segments is not [_, var package, var version, var abi, var platform]
            || !LiveTopic.TryMake(package, version, abi, platform, out var topic))
        {
            return false;
        }

        context.Response.Headers.Vary = "Accept";
        await (LiveStream.IsAskedFor(context.Request) ? StreamAsync(context, topic) : PageAsync(context, topic));
        return true;
    }

    private async Task ListAsync(HttpContext context)
    {
        using var lease = feed.Follow(LiveTopic.All);
        var look = lease is null ? null : await FirstWordAsync(lease.Watch, context.RequestAborted);
        if (look?.State is not LiveMessage.Builds builds)
        {
            await RefuseAsync(context);
            return;
        }

        var rows = builds.First.Where(static build => build.Topic.IsPlain).Select(static build => new LiveRow(
            build.Topic.Release, build.Topic.Target, LogText.Line(build.Label), build.Since, build.Reach != LiveReach.Mute));
        using var slice = Templates.LiveList.Create(new LiveListPage(site, builds.Count, [.. rows]));
        await SendAsync(context, slice);
    }

    private async Task PageAsync(HttpContext context, LiveTopic topic)
    {
        using var lease = feed.Follow(topic.ToBytes());
        var look = lease is null ? null : await FirstWordAsync(lease.Watch, context.RequestAborted);
        if (look?.State is null)
        {
            await RefuseAsync(context);
            return;
        }

        var (lines, next) = look.IsWhole ? LiveText.Read(look.Pieces, 0, look.HasEnded) : ([], 0);
        if (look.State is LiveMessage.Ended { BuildId: null }) context.Response.StatusCode = StatusCodes.Status404NotFound;
        using var slice = Templates.Live.Create(new LivePage(
            site, topic.Release, topic.Target, StatusOf(look, time.GetUtcNow()), string.Join('\n', lines),
            look.State is LiveMessage.Running { Reach: not LiveReach.Full } ? next : null, LogPathOf(look.State)));
        await SendAsync(context, slice);
    }

    private async Task StreamAsync(HttpContext context, LiveTopic topic)
    {
        using var place = _streams.Enter(IPAddress.Parse(clients.Of(context)));
        using var lease = place is null ? null : feed.Follow(topic.ToBytes());
        if (lease is null)
        {
            await RefuseAsync(context);
            return;
        }

        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        try
        {
            await new LiveStream(context, lease.Watch, limits, time).SendAsync(ending.Token);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The server stops: whoever looks comes again by itself when there is one
        }
    }

    private async Task<LiveLook> FirstWordAsync(LiveWatch watch, CancellationToken ct)
    {
        using var limit = new CancellationTokenSource(FirstWordTime, time);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, ct, stopping);
        try
        {
            while (true)
            {
                var look = watch.Look();
                // What was printed before comes a moment after the first word
                if (look.State is LiveMessage.Running { Reach: not LiveReach.Full } ? look.IsWhole : look.State is not null) return look;
                await look.Changed.WaitAsync(ending.Token);
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return watch.Look();
        }
    }

    /// <summary>How a build stands, in a sentence.</summary>
    internal static string StatusOf(LiveLook look, DateTimeOffset now) => look.State switch
    {
        LiveMessage.Ended { BuildId: null } => "It is not being built, or not any more.",
        LiveMessage.Ended { Status: true } => "It has been built.",
        LiveMessage.Ended => "It could not be built.",
        LiveMessage.Running when now - look.HeardAt >= LiveStream.SilenceMax => Silence,
        LiveMessage.Running { Reach: LiveReach.Mute } running => $"{Since(running)}. Its slave does not tell what it prints.",
        LiveMessage.Running { Reach: LiveReach.Full } running =>
            $"{Since(running)}. So many builds are looked at that no more can be: try again later.",
        LiveMessage.Running running => $"{Since(running)}.",
        _ => Silence,
    };

    /// <summary>The finished log; null where there is none.</summary>
    internal static string? LogPathOf(LiveMessage? state)
    {
        if (state is not LiveMessage.Ended { BuildId: { } id }) return null;
        var digits = id.ToString("D12", CultureInfo.InvariantCulture);
        return $"/logs/{digits[..^8]}/{digits[^8..^4]}/{digits[^4..]}.txt.gz";
    }

    private static string Since(LiveMessage.Running running) =>
        $"Being built by {LogText.Line(running.Label)} since {Figures.Minute(running.Since)}";

    private static async Task RefuseAsync(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        context.Response.Headers.RetryAfter = "30";
        context.Response.ContentType = "text/plain; charset=utf-8";
        if (HttpMethods.IsGet(context.Request.Method))
            await context.Response.WriteAsync("Running builds cannot be followed at the moment.\n", context.RequestAborted);
    }

    private static async Task SendAsync<TModel>(HttpContext context, RazorSlice<TModel> slice)
    {
        var output = new MemoryStream();
        await slice.RenderAsync(output, Encoder, context.RequestAborted);
        context.Response.ContentType = FileKind.LogPage.MediaType;
        context.Response.ContentLength = output.Length;
        if (HttpMethods.IsGet(context.Request.Method))
            await context.Response.BodyWriter.WriteAsync(output.ToArray(), context.RequestAborted);
    }
}
