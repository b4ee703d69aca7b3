using System.Globalization;

namespace Piwheels.Cli.Importing;

/// <summary>How far the sending of files has come: one line on a terminal that is written over; elsewhere nothing.</summary>
internal sealed class TransferProgress(TextWriter output, bool live)
{
    private const int BarLength = 30;

    private string _filename = "";
    private long _size;
    private int _shown;

    /// <summary>A file is about to be sent.</summary>
    public void Begin(string filename, long size)
    {
        (_filename, _size, _shown) = (filename, size, -1);
        Show(0);
    }

    /// <summary>Bytes of the file that the receiver has asked for. Called by the sender's thread.</summary>
    public void Show(long bytes)
    {
        if (!live || _size <= 0) return;
        var percent = (int)Math.Clamp(bytes * 100 / _size, 0, 100);
        if (percent == _shown) return;
        _shown = percent;
        var bar = new string('#', percent * BarLength / 100).PadRight(BarLength, '.');
        output.Write(string.Create(CultureInfo.InvariantCulture, $"\r[{bar}] {percent,3} % {_filename}\x1b[K"));
        output.Flush();
    }

    /// <summary>Takes the line away.</summary>
    public void End()
    {
        if (!live) return;
        output.Write("\r\x1b[K");
        output.Flush();
    }
}
