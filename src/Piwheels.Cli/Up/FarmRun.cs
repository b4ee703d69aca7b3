using Piwheels.Cli.Commands;

namespace Piwheels.Cli.Up;

/// <summary>One run of `piw up`, from the checks to the table at the end.</summary>
internal static class FarmRun
{
    public static async Task<int> RunAsync(UpOptions options, CommandContext context, Func<IFarmView> openView)
    {
        var listen = ListenAddress.Parse(options.Listen);
        var python = await Preflight.FindPythonAsync(
            options.Python, options.WithoutCompiler, Console.Error.WriteLine, context.Time, context.Stop);
        Preflight.CheckPostgres();
        ListenAddress.EnsureFree(listen);
        await Preflight.CheckUpstreamAsync(options, Wanted.NamesFor(options.Wanted, python.Target), context.Stop);
        using var folder = DataFolder.Open(options.Data);
        using var view = openView();
        view.Say($"Starting a farm in {folder.Path}, for {python.Target}");
        var settings = options with { Python = python.Executable };
        await using var farm = await Farm.StartAsync(
            settings, folder, listen, python, view, context.Loggers, context.Time, context.Stop);
        await EnsureSomethingWantedAsync(farm, options);
        view.Say($"The index is at   {farm.Url}");
        view.Say($"Install from it:  pip install --index-url {farm.Url}simple NAME");
        return await WatchAsync(farm, options, view, context);
    }

    private static async Task EnsureSomethingWantedAsync(Farm farm, UpOptions options)
    {
        if (options.All || options.Wanted.Requirements.Count > 0) return;
        if ((await farm.Database.GetSelectionAsync()).Requests.Count == 0) throw UpCommand.NothingWanted();
    }

    private static async Task<int> WatchAsync(Farm farm, UpOptions options, IFarmView view, CommandContext context)
    {
        var stopped = Task.Delay(Timeout.InfiniteTimeSpan, context.Time, context.Stop);
        if (!options.All)
        {
            await Task.WhenAny(farm.Watch.Settled, stopped);
            if (farm.Watch.Settled is { IsCompletedSuccessfully: true, Result: var status })
            {
                if (options.Once)
                {
                    view.Dispose();
                    return ResultTable.Write(status, farm.Watch, farm.Url, Console.Out) ? 0 : CommandFault.Failed;
                }

                view.Say("Everything is built. The farm goes on; Ctrl+C stops it.");
            }
        }

        await Task.WhenAny(stopped);
        view.Say("Stopping ...");
        // Stopped before everything was built: --once has not done what it was asked for
        return options.Once ? CommandFault.Failed : 0;
    }
}
