using System.IO.Compression;
using System.Net.Sockets;
using System.Text;
using Piwheels.Core.Logs;
using Piwheels.Core.Packaging;
using Piwheels.Testing;
using Piwheels.Web;
using Xunit;

namespace Piwheels.Tests.Web;

/// <summary>A folder that the web server serves on a port of its own, and a client of it.</summary>
internal sealed class ServedSite : IAsyncDisposable
{
    // The server looks at its clients once a second, when it has a processor to look by
    private static readonly TimeSpan CloseLimit = TimeSpan.FromMinutes(2);

    private ServedSite(TemporaryFolder folder, RecordedLog log, RunningWebServer server)
    {
        Folder = folder;
        Log = log;
        Server = server;
        Client = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false }) { BaseAddress = server.Address };
    }

    public TemporaryFolder Folder { get; }

    public RecordedLog Log { get; }

    public RunningWebServer Server { get; }

    public HttpClient Client { get; }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static async Task<ServedSite> StartAsync(
        WebConfiguration? configuration = null, TimeProvider? time = null)
    {
        var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["site"]);
        var log = new RecordedLog();
        var told = (configuration ?? new WebConfiguration()) with
        {
            OutputPath = folder["site"],
            Listen = "127.0.0.1:0",
        };
        return new ServedSite(folder, log, await WebServer.StartAsync(told, log, time ?? TimeProvider.System, Ct));
    }

    public void Write(string path, string content) => Folder.Write("site/" + path, content);

    public void WritePacked(string path, byte[] content)
    {
        var target = Folder["site/" + path];
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        using var packed = new GZipStream(File.Create(target), CompressionLevel.Fastest);
        packed.Write(content);
    }

    /// <summary>A log as the master writes it.</summary>
    public void WriteLog(string path, PackageName package, string text)
    {
        var target = Folder["site/" + path];
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        using var packed = File.Create(target);
        PackedLog.Write(packed, package, text);
    }

    /// <summary>As the farm does it: whole under another name, then renamed over what is there.</summary>
    public void Replace(string path, string content)
    {
        var temporary = Folder.Write("site/.new", content);
        File.Move(temporary, Folder["site/" + path], overwrite: true);
    }

    public async Task<HttpResponseMessage> SendAsync(string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        return await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Ct);
    }

    public async Task<string> TextAsync(string path, params (string Name, string Value)[] headers)
    {
        using var response = await SendAsync(path, headers);
        return await response.Content.ReadAsStringAsync(Ct);
    }

    public async Task<TcpClient> ConnectAsync()
    {
        var tcp = new TcpClient();
        await tcp.ConnectAsync(Server.Address.Host, Server.Address.Port, Ct);
        return tcp;
    }

    /// <summary>
    /// Sends these bytes, and reads until the server closes; nothing where it refused: it may do so as soon as it has
    /// the connection, and the client hears of that while it connects, writes or reads.
    /// </summary>
    public async Task<string> SendRawAsync(string request)
    {
        try
        {
            using var tcp = await ConnectAsync();
            await using var stream = tcp.GetStream();
            await stream.WriteAsync(Encoding.Latin1.GetBytes(request), Ct);
            return await new StreamReader(stream, Encoding.Latin1).ReadToEndAsync(Ct).WaitAsync(CloseLimit, Ct);
        }
        catch (Exception refused) when (refused is IOException or SocketException)
        {
            return "";
        }
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.DisposeAsync();
        Folder.Dispose();
    }
}
