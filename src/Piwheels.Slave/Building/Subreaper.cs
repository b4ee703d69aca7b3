namespace Piwheels.Slave.Building;

/// <summary>
/// While one of these is held, orphans below this process become its own children instead of init's (prctl(2)).
/// Only then: what others start here, daemons for instance, shall live as everywhere.
/// </summary>
internal sealed class Subreaper : IDisposable
{
    private static readonly Lock Gate = new();
    private static int _holders;

    private bool _isReleased;

    private Subreaper()
    {
    }

    public static Subreaper Acquire()
    {
        lock (Gate)
        {
            if (_holders++ == 0) Set(true);
        }

        return new Subreaper();
    }

    public void Dispose()
    {
        lock (Gate)
        {
            if (_isReleased) return;
            _isReleased = true;
            if (--_holders == 0) Set(false);
        }
    }

    private static void Set(bool on) => _ = Libc.Prctl(Libc.SetChildSubreaper, on ? 1u : 0u, 0, 0, 0);
}
