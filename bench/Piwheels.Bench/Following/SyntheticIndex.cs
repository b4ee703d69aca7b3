using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Piwheels.Bench.Following;

/// <summary>
/// Gives a synthetic change log out by XML-RPC, as PyPI does, 50,000 events at a time; in a process of its own, so that
/// its memory is not that of the follower. It ends with its input.
/// </summary>
internal static partial class SyntheticIndex
{
    private const string CommandName = "serve-log";
    private const int RowsMax = 50_000;
    private const int RequestCharsMax = 10_000;

    /// <summary>How much is written at a time, in characters.</summary>
    private const int WriteChars = 64 << 10;

    /// <summary>`serve-log`: the stand-in itself.</summary>
    public static Command Create()
    {
        var packages = new Argument<int>("packages");
        var versions = new Argument<int>("versions");
        var command = new Command(CommandName, "Serves a synthetic change log, until its input ends")
        {
            packages, versions,
        };
        command.Hidden = true;
        command.SetAction(async (parsed, cancel) =>
        {
            await ServeAsync(new SyntheticLog(parsed.GetValue(packages), parsed.GetValue(versions)), cancel);
            return 0;
        });
        return command;
    }

    /// <summary>Starts one, and answers where it is.</summary>
    public static async Task<(Process Server, Uri Root)> StartAsync(int packages, int versions, CancellationToken cancel)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        foreach (var number in new[] { packages, versions })
            start.ArgumentList.Add(number.ToString(CultureInfo.InvariantCulture));
        start.ArgumentList.Insert(0, CommandName);
        var server = Process.Start(start)!;
        var address = await server.StandardOutput.ReadLineAsync(cancel) ?? throw new BenchFault("no stand-in index");
        return (server, new Uri(address));
    }

    private static async Task ServeAsync(SyntheticLog log, CancellationToken cancel)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        await using var web = builder.Build();
        web.Run(context => AnswerAsync(log, context));
        await web.StartAsync(cancel);
        Console.WriteLine(web.Urls.First());
        await Console.In.ReadToEndAsync(cancel);
        await web.StopAsync(new CancellationToken(canceled: true));
    }

    private static async Task AnswerAsync(SyntheticLog log, HttpContext context)
    {
        if (!HttpMethods.IsPost(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        using var reader = new StreamReader(context.Request.Body, Encoding.UTF8);
        var call = new char[RequestCharsMax];
        var length = await reader.ReadBlockAsync(call, context.RequestAborted);
        var after = long.Parse(Number().Match(new string(call, 0, length)).Groups[1].Value, CultureInfo.InvariantCulture);
        context.Response.ContentType = "text/xml; charset=utf-8";
        var text = new StringBuilder(
            "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value><array><data>\n");
        var first = Math.Max(after + 1, SyntheticLog.FirstSerial);
        for (var serial = first; serial <= log.LastSerial + 1 && serial < first + RowsMax; serial++)
        {
            WriteRow(text, log, serial);
            if (text.Length > WriteChars) await SendAsync(context, text);
        }

        text.Append("</data></array></value>\n</param>\n</params>\n</methodResponse>\n");
        await SendAsync(context, text);
    }

    /// <summary>As Python's xmlrpc writes it.</summary>
    private static void WriteRow(StringBuilder text, SyntheticLog log, long serial)
    {
        var (name, version, seconds, action) = log.At(serial);
        text.Append("<value><array><data>\n<value><string>").Append(name).Append("</string></value>\n");
        if (version is null) text.Append("<value><nil/></value>\n");
        else text.Append("<value><string>").Append(version).Append("</string></value>\n");
        text.Append(CultureInfo.InvariantCulture, $"<value><int>{seconds}</int></value>\n<value><string>{action}");
        text.Append(CultureInfo.InvariantCulture, $"</string></value>\n<value><int>{serial}</int></value>\n");
        text.Append("</data></array></value>\n");
    }

    private static async Task SendAsync(HttpContext context, StringBuilder text)
    {
        await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(text.ToString()), context.RequestAborted);
        text.Clear();
    }

    [GeneratedRegex("<int>([0-9]{1,18})</int>")]
    private static partial Regex Number();
}
