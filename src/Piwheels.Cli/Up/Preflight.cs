using System.Net;
using Piwheels.Cli.Posix;
using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;
using Piwheels.Slave.Python;
using Piwheels.Storage.Private;

namespace Piwheels.Cli.Up;

/// <summary>Everything that can be known to be wrong before anything is made: each ends in one clear line.</summary>
internal static class Preflight
{
    private static readonly TimeSpan UpstreamTimeout = TimeSpan.FromSeconds(20);
    private const int NamesAtATime = 8;

    /// <summary>The Python that the slaves will use.</summary>
    /// <param name="withoutCompiler">Go on, with a warning, where only pure packages can be built.</param>
    public static async Task<PythonFacts> FindPythonAsync(
        string configured, bool withoutCompiler, Action<string> say, TimeProvider time, CancellationToken stop)
    {
        try
        {
            var python = await PythonFacts.FindAsync(configured.Length > 0 ? configured : null, time, stop);
            foreach (var warning in python.Warnings)
            {
                if (!withoutCompiler) throw new CommandFault(warning);
                say($"warning: {warning}");
            }

            return python;
        }
        catch (PythonNotFoundException fault)
        {
            throw new CommandFault(fault.Message, CommandFault.Failed, fault);
        }
    }

    /// <summary>PostgreSQL's programs are there.</summary>
    public static void CheckPostgres()
    {
        try
        {
            _ = PostgresBinaries.Find();
        }
        catch (PrivateClusterException fault)
        {
            throw new CommandFault(fault.Message, CommandFault.Failed, fault);
        }
    }

    /// <summary>The index answers, and knows what is asked for by name.</summary>
    public static async Task CheckUpstreamAsync(
        UpOptions options, IReadOnlyList<PackageName> wanted, CancellationToken stop)
    {
        using var http = new HttpClient(IndexTransport.Create(UpstreamTimeout)) { Timeout = UpstreamTimeout };
        http.DefaultRequestHeaders.Accept.ParseAdd("application/vnd.pypi.simple.v1+json, text/html;q=0.5");
        http.DefaultRequestHeaders.UserAgent.ParseAdd(IndexTransport.UserAgent(""));
        if (wanted.Count == 0)
        {
            await AskAsync(http, options, "", stop);
            return;
        }

        var unknown = new List<PackageName>();
        foreach (var some in wanted.Chunk(NamesAtATime))
        {
            var answers = await Task.WhenAll(some.Select(package => AskAsync(http, options, $"{package}/", stop)));
            unknown.AddRange(some.Zip(answers).Where(pair => !pair.Second).Select(pair => pair.First));
        }

        if (unknown.Count > 0)
        {
            // When it knows none, it may be no index at all
            if (unknown.Count == wanted.Count) await AskAsync(http, options, "", stop);
            throw new CommandFault($"{options.PypiSimple} knows no package {string.Join(", ", unknown)}");
        }
    }

    /// <summary>Whether the index has a page; a fault when it cannot be asked.</summary>
    private static async Task<bool> AskAsync(HttpClient http, UpOptions options, string page, CancellationToken stop)
    {
        var url = new Uri($"{options.PypiSimple}/{page}");
        try
        {
            using var answer = await http.GetAsync(url, HttpCompletionOption.ResponseHeadersRead, stop);
            if (answer.StatusCode is HttpStatusCode.NotFound && page.Length > 0) return false;
            if (!answer.IsSuccessStatusCode)
                throw new CommandFault($"{url} answers {(int)answer.StatusCode}: is {options.Pypi} a package index?");
            return IsIndexPage(answer)
                ? true
                : throw new CommandFault($"{url} is no page of a package index: is {options.Pypi} one?");
        }
        catch (HttpRequestException fault)
        {
            throw new CommandFault($"cannot reach {url}: {IndexTransport.ReasonOf(fault)}", CommandFault.Failed, fault);
        }
        catch (TaskCanceledException fault) when (!stop.IsCancellationRequested)
        {
            throw new CommandFault($"{url} does not answer", CommandFault.Failed, fault);
        }
    }

    private static bool IsIndexPage(HttpResponseMessage answer) =>
        answer.Content.Headers.ContentType?.MediaType is "text/html" or "application/vnd.pypi.simple.v1+json"
            or "application/vnd.pypi.simple.v1+html" or "application/json";
}
