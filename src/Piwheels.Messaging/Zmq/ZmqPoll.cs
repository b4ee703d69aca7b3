using System.Runtime.InteropServices;

namespace Piwheels.Messaging.Zmq;

/// <summary>zmq_poll, taken up again with the rest of its time when a signal interrupts it.</summary>
internal static class ZmqPoll
{
    /// <returns>How many items are ready; 0 when the time is over.</returns>
    public static int Wait(Span<LibZmq.PollItem> items, TimeSpan timeout)
    {
        // The machine's own clock: this is a wait of the operating system, which no test's clock can shorten
        var clock = TimeProvider.System;
        var start = clock.GetTimestamp();
        while (true)
        {
            var rest = timeout == Timeout.InfiniteTimeSpan
                ? -1
                : Math.Max(0, (nint)Math.Ceiling((timeout - clock.GetElapsedTime(start)).TotalMilliseconds));
            var ready = LibZmq.Poll(items, items.Length, rest);
            if (ready >= 0)
                return ready;
            var error = Marshal.GetLastPInvokeError();
            if (error != LibZmq.Eintr)
                throw ZmqException.Of("zmq_poll", error);
        }
    }
}
