using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Web;

/// <summary>How something that is followed stands at a moment.</summary>
/// <param name="State">RUNNING, ENDED or BUILDS; null before the master's first word.</param>
/// <param name="Pieces">What is kept of its output, from where it was asked for.</param>
/// <param name="End">Where what follows begins.</param>
/// <param name="IsWhole">Whether the master has told what it had before.</param>
/// <param name="HeardAt">When the master last spoke of it.</param>
/// <param name="Changed">Ends at its next word.</param>
internal sealed record LiveLook(
    LiveMessage? State, IReadOnlyList<OutputPiece> Pieces, long End, bool IsWhole, DateTimeOffset HeardAt, Task Changed)
{
    internal bool HasEnded => State is LiveMessage.Ended;
}

/// <summary>
/// Something that is followed, a build or the list of all, and what is known of it. One for all who look at it: each reads
/// from where it is, so that a slow one costs nothing more than a quick one. For any thread.
/// </summary>
internal sealed class LiveWatch(TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly OutputTail _tail = new();
    private LiveMessage? _state;
    private bool _isWhole;
    private DateTimeOffset _heardAt = time.GetUtcNow();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal LiveLook Look(long from = 0)
    {
        lock (_lock) return new LiveLook(_state, _tail.From(from), _tail.End, _isWhole, _heardAt, _changed.Task);
    }

    internal void Hear(LiveMessage message)
    {
        TaskCompletionSource changed;
        lock (_lock)
        {
            _heardAt = time.GetUtcNow();
            switch (message)
            {
                case LiveMessage.Kept kept:
                    _tail.Replace(kept.Pieces);
                    _isWhole = true;
                    break;
                case LiveMessage.Printed printed:
                    _tail.Add(printed.Piece);
                    break;
                default:
                    _state = message;
                    break;
            }

            (changed, _changed) = (_changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        changed.SetResult();
    }
}
