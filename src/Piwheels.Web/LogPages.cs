using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Unicode;
using Piwheels.Core.Failures;
using Piwheels.Core.Logs;
using Piwheels.Core.Packaging;
using Piwheels.Pages;
using RazorSlices;
using Templates = Piwheels.Pages.templates;

namespace Piwheels.Web;

/// <summary>Logs as pages for people, made when asked for: only so many at a time, since each is unpacked.</summary>
internal sealed class LogPages(Site site) : IDisposable
{
    /// <summary>How many are made at a time; others wait.</summary>
    private const int MadeAtATimeMax = 4;

    /// <summary>How many lines of the end are shown first.</summary>
    private const int LastLinesMax = 40;

    // Escapes what markup could be made of, and leaves the letters of all scripts readable
    private static readonly HtmlEncoder Encoder = HtmlEncoder.Create(UnicodeRanges.All);

    private readonly SemaphoreSlim _places = new(MadeAtATimeMax);

    /// <summary>The page of a log.</summary>
    /// <param name="file">The packed log.</param>
    /// <param name="segments">Its path: logs, AAAA, BBBB, CCCC.txt.gz.</param>
    internal async Task<byte[]> MakeAsync(SiteFile file, string[] segments, CancellationToken ct)
    {
        await _places.WaitAsync(ct);
        try
        {
            var page = PageOf(await LogExcerpt.ReadAsync(file.Stream, ct), segments) with { Package = PackageOf(file) };
            using var slice = Templates.Log.Create(page);
            var output = new MemoryStream();
            await slice.RenderAsync(output, Encoder, ct);
            return output.ToArray();
        }
        finally
        {
            _places.Release();
        }
    }

    public void Dispose() => _places.Dispose();

    private LogPage PageOf(LogExcerpt log, string[] segments)
    {
        var beginning = LogText.Lines(log.Beginning());
        var end = LogText.Lines(log.End());
        var last = end.Count > 0 ? end : beginning;
        // Where the end was not reached, nothing can be said of it
        var isWhole = !log.IsDamaged && !log.IsEndless;
        var failure = isWhole && BuildFailure.TryReadEnd(LastText(log), out var known) ? known : null;
        return new LogPage(
            site, BuildOf(segments), "/" + string.Join('/', segments), failure,
            isWhole && (last.Count > LastLinesMax || end.Count > 0) ? Text(last.TakeLast(LastLinesMax)) : "",
            Text(beginning), log.LeftOut, Text(end), NoticesOf(log));
    }

    private static PackageName? PackageOf(SiteFile file)
    {
        Span<byte> head = stackalloc byte[PackedLog.HeadBytesMax];
        return PackedLog.TryReadPackage(head[..RandomAccess.Read(file.Handle, head, 0)], out var package) ? package : null;
    }

    private static string LastText(LogExcerpt log) =>
        Encoding.UTF8.GetString(log.LeftOut > 0 ? log.End() : log.Beginning());

    private static string[] NoticesOf(LogExcerpt log) =>
    [
        .. log.IsDamaged ? (string[])["The file of this log is damaged: this is as much of it as can be read."] : [],
        .. log.IsEndless
            ? (string[])[$"This log is longer than {LogExcerpt.UnpackedBytesMax >> 20} MiB; the rest is not shown."]
            : [],
    ];

    // The number in twelve digits, split in fours
    private static long BuildOf(string[] segments) =>
        long.Parse(
            string.Concat(segments[1..])[..^".txt.gz".Length], NumberStyles.None, CultureInfo.InvariantCulture);

    private static string Text(IEnumerable<string> lines) => string.Join('\n', lines);
}
