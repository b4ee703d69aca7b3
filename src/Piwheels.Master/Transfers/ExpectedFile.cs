using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Zmq;

namespace Piwheels.Master.Transfers;

/// <summary>A file that an owner has been told to send, and the senders that say they have it.</summary>
/// <remarks>
/// Its key, if it has one, proves that a sender is the slave whose number it says; without keys nothing does. So each has a transfer of its own, with its own
/// temporary file, and the one whose content is right is taken: a stranger can neither write into another's transfer
/// nor end it.
/// </remarks>
internal sealed class ExpectedFile(
    TransferOwner owner, FileState file, string origin, DateTimeOffset now, string? key = null)
{
    public TransferOwner Owner { get; } = owner;

    /// <summary>The public key that it comes by, as Z85 text; null: by none.</summary>
    public string? Key { get; } = key;

    public FileState File { get; } = file;

    /// <summary>Whether a sender comes from where the owner does; anybody does where that is not known.</summary>
    public bool IsOwn(PeerAddress sender) => origin.Length == 0 || origin == PeerOrigin.Of(sender);

    public DateTimeOffset ExpectedAt { get; } = now;

    /// <summary>When it was asked for, or something of use came from one of its senders.</summary>
    public DateTimeOffset LastActivity { get; set; } = now;

    /// <summary>One for each sender.</summary>
    public List<IncomingFile> Incoming { get; } = [];

    /// <summary>Whether a sender has come for it; what that one was may be gone.</summary>
    public bool Taken { get; set; }

    /// <summary>What was wrong with the content that came last; null where none did.</summary>
    public string? Problem { get; set; }

    /// <summary>Whether the right content is there: nobody else has to send it.</summary>
    public bool Complete { get; set; }

    /// <summary>Whether its content is being checked; no sender may come meanwhile.</summary>
    public bool Verifying { get; set; }

    /// <summary>Bytes that may still have to be written.</summary>
    public long BytesDue => Incoming.Count == 0
        ? File.FileSize
        : Incoming.Sum(static incoming => incoming.State.Size - incoming.State.Received);
}

/// <summary>One sender's attempt at an expected file.</summary>
internal sealed class IncomingFile(PeerAddress sender, ExpectedFile expected, DateTimeOffset now)
{
    public PeerAddress Sender { get; } = sender;

    public ExpectedFile Expected { get; } = expected;

    public TransferState State { get; } = new(expected.File.FileSize);

    public DateTimeOffset StartedAt { get; } = now;

    public DateTimeOffset LastHello { get; set; } = now;

    /// <summary>When it last said something that was of use.</summary>
    public DateTimeOffset LastUseful { get; set; } = now;

    /// <summary>Bytes a second since it came; those of its first second count as if they took all of it.</summary>
    public double Rate(DateTimeOffset at) => State.Received / Math.Max(1, (at - StartedAt).TotalSeconds);

    /// <summary>Where its bytes are; null before the first.</summary>
    public IncomingContent? Content { get; set; }

    /// <summary>Chunks that wait to be written aside; as many as it may have been asked for at a time.</summary>
    public List<FileRequest.Chunk> Waiting { get; } = [];

    /// <summary>Done when no chunk waits or is being written.</summary>
    public Task Writing { get; set; } = Task.CompletedTask;
}
