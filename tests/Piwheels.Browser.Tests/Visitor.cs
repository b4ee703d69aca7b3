using System.Collections.Concurrent;
using Microsoft.Playwright;
using Xunit;

namespace Piwheels.Browser.Tests;

/// <summary>Somebody with a browser. When they leave, no page has asked another host for anything, or failed.</summary>
public sealed class Visitor : IAsyncDisposable
{
    private const string PicturesVariable = "PIW_PICTURES";

    private readonly IBrowserContext _context;
    private readonly ConcurrentQueue<string> _faults = new();

    internal Visitor(IBrowserContext context, IPage page, string home)
    {
        _context = context;
        Page = page;
        context.Request += (_, request) =>
        {
            if (!IsOf(home, request.Url)) _faults.Enqueue($"asked for {request.Url}");
        };
        page.PageError += (_, error) => _faults.Enqueue(error);
        page.Console += (_, message) =>
        {
            if (message.Type == "error") _faults.Enqueue(message.Text);
        };
    }

    public IPage Page { get; }

    public ILocator Find(string selector) => Page.Locator(selector);

    /// <summary>The element with an id, which may be any text.</summary>
    public ILocator Find(string element, string id) => Page.Locator($"{element}[id='{id}']");

    /// <summary>Opens a page, and waits until its script has done what it does at first.</summary>
    public async Task OpenAsync(string path)
    {
        await Page.GotoAsync(path);
        if (!await Page.EvaluateAsync<bool>("document.getElementById('search-status') !== null")) return;
        await Assertions.Expect(Find("#search-status")).Not.ToHaveTextAsync("Loading the list of packages…");
    }

    /// <summary>Takes a picture of the whole page, for somebody to look at who has named a folder for them.</summary>
    public async Task PictureAsync(string name)
    {
        if (Environment.GetEnvironmentVariable(PicturesVariable) is not { Length: > 0 } folder) return;
        var file = string.Concat(new Uri(Page.Url).PathAndQuery.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '_'));
        await Page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(folder, $"{file}-{name}.png"), FullPage = true });
    }

    public async ValueTask DisposeAsync()
    {
        await _context.CloseAsync();
        Assert.Empty(_faults);
    }

    private static bool IsOf(string home, string url) =>
        url == home || url.StartsWith(home + "/", StringComparison.Ordinal) || url.StartsWith("data:", StringComparison.Ordinal);
}
