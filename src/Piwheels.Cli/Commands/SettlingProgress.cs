using Piwheels.Cli.Options;

namespace Piwheels.Cli.Commands;

/// <summary>
/// How far a change of a target has taken effect: one line that is written over on a terminal, else a line for every
/// ten percent. A change that was done at once shows nothing.
/// </summary>
internal sealed class SettlingProgress(TextWriter output, bool live, TimeProvider time)
{
    private const int PercentPerLine = 10;

    private readonly long _begin = time.GetTimestamp();
    private int _shown = -PercentPerLine;

    public void Show(int percent)
    {
        if (live ? percent == _shown : percent < _shown + PercentPerLine) return;
        _shown = percent;
        Write($"takes effect: {percent} %, {Elapsed}");
    }

    /// <summary>Says how it ended, if anything was shown before.</summary>
    public void End(string how)
    {
        if (_shown < 0) return;
        Write($"{how}, {Elapsed}");
        if (live) output.WriteLine();
    }

    private string Elapsed => DurationText.Show(time.GetElapsedTime(_begin));

    private void Write(string text)
    {
        if (live) output.Write($"\r{text}\x1b[K");
        else output.WriteLine(text);
        output.Flush();
    }
}
