using System.Net;
using Piwheels.Cli.Options;
using Piwheels.Core.AccessLog;
using Piwheels.Master;
using Piwheels.Web;

namespace Piwheels.Cli.Commands;

/// <summary>`piw web`: the built-in web server over the published folder.</summary>
internal sealed class WebCommand : PiwCommand
{
    public const string DefaultListen = "127.0.0.1:8080";

    private readonly Setting<string> _outputPath;
    private readonly Setting<string> _listen;
    private readonly Setting<string> _logQueue;
    private readonly Setting<string> _liveQueue;
    private readonly Setting<string> _certificate;
    private readonly Setting<string> _certificateKey;
    private readonly Setting<IReadOnlyList<IPNetwork>> _trustedProxies;
    private readonly Setting<string> _siteTitle;

    public WebCommand()
        : base("web", "web", "Serves what the master publishes, for those who want no other web server")
    {
        _outputPath = Add(Settings.Text("output-path", "The published folder", new MasterConfiguration().OutputPath, "-o"));
        _listen = Add(Settings.Text("listen", "Address and port to listen on", DefaultListen));
        _logQueue = Add(Settings.Text("log-queue", "The master's queue for accesses", new MasterConfiguration().LogQueue));
        _liveQueue = Add(Settings.Text("live-queue", "The master's queue for running builds, if it has one", ""));
        _certificate = Add(Settings.Text("certificate", "PEM file of a certificate, with its chain, for https", ""));
        _certificateKey = Add(Settings.Text("certificate-key", "PEM file of its key, if the key is not in the same file", ""));
        _trustedProxies = Add(new Setting<IReadOnlyList<IPNetwork>>(
            "trusted-proxies", "Addresses or networks of proxies that may say who the client is", [], ParseNetworks));
        _siteTitle = Add(Settings.Text("site-title", "The site's name on the pages of logs", new MasterConfiguration().SiteTitle));
    }

    protected override async Task<int> RunAsync(CommandContext context)
    {
        var configuration = new WebConfiguration
        {
            OutputPath = Path.GetFullPath(_outputPath.In(context.Source)),
            Listen = _listen.In(context.Source),
            LogQueue = _logQueue.In(context.Source),
            LiveQueue = _liveQueue.In(context.Source) is { Length: > 0 } live ? live : null,
            CertificateFile = FileNamed(_certificate.In(context.Source)),
            KeyFile = FileNamed(_certificateKey.In(context.Source)),
            TrustedProxies = _trustedProxies.In(context.Source),
        };
        configuration = configuration with { Site = configuration.Site with { Title = _siteTitle.In(context.Source) } };
        await WebServer.RunAsync(configuration, context.Loggers, context.Stop);
        return 0;
    }

    private static string? FileNamed(string text) => text.Length == 0 ? null : Path.GetFullPath(text);

    /// <summary>Addresses and networks, e.g. <c>10.0.0.0/8 ::1</c>, separated by blanks or commas.</summary>
    private static IReadOnlyList<IPNetwork> ParseNetworks(string text) =>
        [.. text.Split([' ', ','], StringSplitOptions.RemoveEmptyEntries).Select(ParseNetwork)];

    private static IPNetwork ParseNetwork(string text)
    {
        if (IPNetwork.TryParse(text, out var network)) return network;
        return HostAddress.TryParse(text, out var address)
            ? new IPNetwork(address, address.GetAddressBytes().Length * 8)
            : throw new FormatException($"'{text}' is neither an address nor a network, such as 10.0.0.0/8");
    }
}
