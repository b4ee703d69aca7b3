using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Piwheels.Cli.Commands;
using Piwheels.Cli.Options;
using Piwheels.Cli.Up;
using Piwheels.Core.Database;
using Piwheels.Slave.Python;
using Piwheels.Storage.Private;

namespace Piwheels.Cli.Demo;

/// <summary>
/// The demonstration: a stand-in for PyPI with four small packages, a farm that follows it, and pip installing from
/// the farm's own index. Begins anew each time; its data folder is nothing but its own.
/// </summary>
internal sealed class DemoRun(string data, string listen, string python, CommandContext context)
{
    private const string App = "piw-demo-app";
    private const string Extension = "piw-demo-fastsum";
    private const string Broken = "piw-demo-broken";
    private const string Marker = "piwheels-demo";
    private const int LogLines = 8;
    private static readonly TimeSpan BuildLimit = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan PipLimit = TimeSpan.FromMinutes(5);

    private readonly TextWriter _output = Console.Out;

    public async Task<int> RunAsync(bool serve, Func<IFarmView> openView)
    {
        var address = ListenAddress.Parse(listen);
        var found = await Preflight.FindPythonAsync(
            python, withoutCompiler: false, Console.Error.WriteLine, context.Time, context.Stop);
        Preflight.CheckPostgres();
        ListenAddress.EnsureFree(address);
        using var folder = await OpenAnewAsync();
        var sdists = Path.Combine(folder.Path, "index");
        DemoPackages.Write(sdists);
        await using var index = await StandInIndex.StartAsync(sdists, 0);
        Head($"1. A farm starts in {folder.Path}, and follows a stand-in for PyPI at {index.Root}");
        var options = new UpOptions
        {
            Data = folder.Path,
            Listen = listen,
            Pypi = index.Root,
            Python = found.Executable,
            Wanted = Wanted.Read([App, Broken], [], [], []),
            Once = true,
        };
        using var view = openView();
        await using var farm = await Farm.StartAsync(
            options, folder, address, found, view, context.Loggers, context.Time, context.Stop);
        return await ShowAsync(farm, folder, found, view, serve);
    }

    private async Task<int> ShowAsync(Farm farm, DataFolder folder, PythonFacts found, IFarmView view, bool serve)
    {
        var status = await farm.Watch.Settled.WaitAsync(BuildLimit, context.Time, context.Stop);
        view.Dispose();
        _ = ResultTable.Write(status, farm.Watch, farm.Url, _output);

        Head($"2. pip installs {App} from {farm.Url}simple into a fresh environment");
        var installed = await InstallAsync(farm, folder, found);

        Head($"3. What does not build is told: {farm.Url}project/{Broken}");
        var broken = status.Packages.Single(each => each.Package.Value == Broken);
        var failure = FarmWatch.TargetsOf(broken).Select(each => each.Target)
            .FirstOrDefault(target => target.State == TargetState.Fail);
        if (failure?.BuildId is { } id) ShowLog(farm, id);
        var good = installed && failure is not null
            && status.Packages.All(each => each.Package.Value == Broken || IsBuilt(each));
        Head(good
            ? $"Done in {DurationText.Show(farm.Watch.Elapsed)}. Your own: piw up PACKAGE ..., or piw up -r requirements.txt"
            : "The demonstration did not go as it should.");
        if (serve) await ServeAsync(farm);
        return good ? 0 : CommandFault.Failed;
    }

    private void ShowLog(Farm farm, long buildId)
    {
        _output.WriteLine($"   the last lines of {new Uri(farm.Url, BuildLog.PathOf(buildId))}:");
        foreach (var line in BuildLog.Tail(farm.Output, buildId, LogLines)) _output.WriteLine($"   | {line}");
    }

    private async Task ServeAsync(Farm farm)
    {
        Head($"The farm goes on at {farm.Url}; Ctrl+C stops it.");
        await Task.Delay(Timeout.InfiniteTimeSpan, context.Time, context.Stop)
            .ContinueWith(static _ => { }, TaskScheduler.Default);
    }

    private async Task<bool> InstallAsync(Farm farm, DataFolder folder, PythonFacts found)
    {
        var environment = Path.Combine(folder.Path, "venv");
        var bin = Path.Combine(environment, "bin", "python");
        const string Check =
            "import piw_demo_app; piw_demo_app.main(['world', '0.1', '0.2', '0.3'])";
        return await StepAsync(found.Executable, "-m", "venv", environment)
            && await StepAsync(
                bin, "-m", "pip", "install", "--no-cache-dir", "--index-url", $"{farm.Url}simple", App)
            && await StepAsync(bin, "-c", Check);
    }

    /// <summary>Runs a program as somebody would by hand, and shows what it says.</summary>
    private async Task<bool> StepAsync(string program, params string[] arguments)
    {
        _output.WriteLine($"   $ {Path.GetFileName(program)} {string.Join(' ', arguments.Select(Quoted))}");
        var start = new ProcessStartInfo(program, arguments)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // pip's settings on this machine are for another index
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("PIP_", StringComparison.Ordinal)).ToList())
            start.Environment.Remove(name);
        start.Environment["PIP_CONFIG_FILE"] = "/dev/null";
        start.Environment["PIP_DISABLE_PIP_VERSION_CHECK"] = "1";
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        process.OutputDataReceived += Show;
        process.ErrorDataReceived += Show;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        try
        {
            await process.WaitForExitAsync(context.Stop).WaitAsync(PipLimit, context.Time);
            return process.ExitCode == 0;
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }

    private void Show(object sender, DataReceivedEventArgs line)
    {
        if (line.Data is { Length: > 0 } text) _output.WriteLine($"   | {text}");
    }

    private static string Quoted(string argument) => argument.Contains(' ', StringComparison.Ordinal) ? $"\"{argument}\"" : argument;

    private static bool IsBuilt(SelectionProgress progress) =>
        FarmWatch.TargetsOf(progress).ToList() is { Count: > 0 } each
        && each.TrueForAll(one => one.Target.State == TargetState.Success);

    private void Head(string text)
    {
        _output.WriteLine();
        _output.WriteLine(text);
    }

    /// <summary>The data folder, with nothing of an earlier demonstration in it, ended well or not.</summary>
    private async Task<DataFolder> OpenAnewAsync()
    {
        if (Directory.Exists(data) && Directory.EnumerateFileSystemEntries(data).Any()
            && !Path.Exists(Path.Combine(data, Marker)) && !OnlyPrograms(data))
        {
            throw new CommandFault($"data folder {data} is not the demonstration's own; name an empty one by --data");
        }

        using (var folder = DataFolder.Open(data))
        {
            await File.WriteAllTextAsync(Path.Combine(data, Marker), "Made by piw demo, and emptied by its next run.\n");
            // Started and stopped: that ends in order what a killed demonstration has left running
            if (Directory.Exists(folder.Cluster))
            {
                await using var left = await PrivateCluster.EnsureAsync(
                    folder.Cluster, context.Loggers.CreateLogger("piw.cluster"), context.Time, context.Stop);
            }

            foreach (var part in (string[])[folder.Cluster, folder.Output, folder.Builds, folder.Logs])
            {
                if (Directory.Exists(part)) Directory.Delete(part, recursive: true);
            }

            foreach (var part in (string[])["venv", "index"])
            {
                var path = Path.Combine(data, part);
                if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
            }
        }

        return DataFolder.Open(data);
    }

    // A copy of the program that root left for its user
    private static bool OnlyPrograms(string path) =>
        Directory.EnumerateFileSystemEntries(path).All(entry => Path.GetFileName(entry) is "program");
}
