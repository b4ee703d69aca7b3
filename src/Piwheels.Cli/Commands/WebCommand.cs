using Piwheels.Cli.Options;
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

    public WebCommand()
        : base("web", "web", "Serves what the master publishes, for those who want no other web server")
    {
        _outputPath = Add(Settings.Text("output-path", "The published folder", new MasterConfiguration().OutputPath, "-o"));
        _listen = Add(Settings.Text("listen", "Address and port to listen on", DefaultListen));
        _logQueue = Add(Settings.Text("log-queue", "The master's queue for accesses", new MasterConfiguration().LogQueue));
    }

    protected override async Task<int> RunAsync(CommandContext context)
    {
        var configuration = new WebConfiguration
        {
            OutputPath = Path.GetFullPath(_outputPath.In(context.Source)),
            Listen = _listen.In(context.Source),
            LogQueue = _logQueue.In(context.Source),
        };
        await WebServer.RunAsync(configuration, context.Loggers, context.Stop);
        return 0;
    }
}
