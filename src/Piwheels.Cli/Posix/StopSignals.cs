using System.Runtime.InteropServices;

namespace Piwheels.Cli.Posix;

/// <summary>SIGINT, SIGTERM and SIGHUP as a cancellation: a program stops in order, however it is asked.</summary>
internal sealed class StopSignals : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _registrations;

    public StopSignals()
    {
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop),
            PosixSignalRegistration.Create(PosixSignal.SIGHUP, Stop),
        ];
    }

    public CancellationToken Token => _source.Token;

    /// <summary>
    /// A pipe's end tells of its writer's death, also by kill -9. (PR_SET_PDEATHSIG would tell of the death of the
    /// thread that forked, which is not the same.)
    /// </summary>
    public void AlsoWhenStandardInputEnds()
    {
        var reader = new Thread(WaitForEnd) { IsBackground = true, Name = "parent's pipe" };
        reader.Start();
    }

    public void Dispose()
    {
        foreach (var registration in _registrations) registration.Dispose();
    }

    private void WaitForEnd()
    {
        var buffer = new byte[64];
        try
        {
            using var input = Console.OpenStandardInput();
            while (input.Read(buffer) > 0)
            {
                // Nothing is said on it
            }
        }
        catch (IOException)
        {
            // As good as its end
        }

        Cancel();
    }

    private void Stop(PosixSignalContext context)
    {
        context.Cancel = true;
        Cancel();
    }

    private void Cancel() => _source.Cancel();
}
