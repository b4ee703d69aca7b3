using Piwheels.Cli.Options;

namespace Piwheels.Cli.Up;

/// <summary>One line for each thing that happens: for pipes, files and logs.</summary>
internal sealed class PlainView(TextWriter output) : IFarmView
{
    private readonly Lock _lock = new();

    public void Say(string line)
    {
        lock (_lock)
        {
            output.WriteLine(line);
            output.Flush();
        }
    }

    public void Began(RunningBuild build) => Say($"building {build.Release} on {build.Label}");

    public void Ended(BuildOutcome outcome) => Say(FarmText.Of(outcome));

    public void Show(FarmSnapshot snapshot)
    {
        // What has happened was said when it did
    }

    public void Dispose()
    {
    }
}

/// <summary>The farm's facts as text.</summary>
internal static class FarmText
{
    public static string Of(BuildOutcome outcome)
    {
        var took = outcome.Duration is { } duration ? $" in {DurationText.Show(duration)}" : "";
        return outcome.Good
            ? $"built    {outcome.Release}{took}"
            : $"failed   {outcome.Release}{took}: {outcome.Reason}";
    }

    public static string Of(FarmSnapshot snapshot)
    {
        var found = snapshot.LookedUp < snapshot.Known ? $", {snapshot.Known - snapshot.LookedUp} to look up" : "";
        return $"{snapshot.Built} built, {snapshot.Failed} failed, {snapshot.Pending} to do{found}, "
            + DurationText.Show(snapshot.Elapsed);
    }
}
