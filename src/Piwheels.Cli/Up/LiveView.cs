using Piwheels.Cli.Options;
using Spectre.Console;

namespace Piwheels.Cli.Up;

/// <summary>A live line for each build under way and one of counts, below the lines that stay: for terminals.</summary>
internal sealed class LiveView : IFarmView
{
    private readonly IAnsiConsole _console;
    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _ended = new();
    private readonly Task _live;
    private LiveDisplayContext? _context;

    public LiveView(IAnsiConsole console)
    {
        _console = console;
        _live = console.Live(new Text("")).AutoClear(true).StartAsync(async context =>
        {
            _context = context;
            await _ended.Task;
        });
    }

    public void Say(string line)
    {
        lock (_lock) _console.Write(new Text(OverLive(line)));
    }

    public void Began(RunningBuild build)
    {
        // Its line is in the live part
    }

    public void Ended(BuildOutcome outcome)
    {
        var style = new Style(outcome.Good ? Color.Green : Color.Red);
        lock (_lock) _console.Write(new Text(OverLive(FarmText.Of(outcome)), style));
    }

    public void Show(FarmSnapshot snapshot)
    {
        var rows = new List<Text>();
        foreach (var build in snapshot.Running)
        {
            var doing = build.Sending ? "sending " : "building";
            var since = DurationText.Show(snapshot.Now - build.Since);
            rows.Add(new Text($"{doing} {build.Release}  {since}  {build.Label}", new Style(Color.Blue)));
        }

        rows.Add(new Text(FarmText.Of(snapshot), new Style(decoration: Decoration.Bold)));
        lock (_lock) _context?.UpdateTarget(new Rows(rows));
    }

    // It is written where the live part began, whose line there may be longer and is not erased
    private string OverLive(string line) => line.PadRight(_console.Profile.Width - 1) + "\n";

    public void Dispose()
    {
        _ended.TrySetResult();
        _live.GetAwaiter().GetResult();
    }
}
