using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Master.Building;

/// <summary>What a slave's request, or the end of work done for it, calls for.</summary>
public abstract record SlaveStep
{
    private SlaveStep()
    {
    }

    /// <summary>Reply at once.</summary>
    public sealed record Answer(SlaveReply Reply) : SlaveStep;

    /// <summary>Reply at once; the build that the slave had is lost, and may be handed out again later.</summary>
    public sealed record Drop(SlaveReply Reply, Release Release, string Reason) : SlaveStep;

    /// <summary>Tell those who follow the build what it prints, then reply CONT.</summary>
    public sealed record PassOn(OutputPiece Piece) : SlaveStep;

    /// <summary>Look for work, then <see cref="SlaveSession.Assign"/> it, or say that there is none.</summary>
    public sealed record FindWork : SlaveStep;

    /// <summary>Record a build without files, then reply DONE.</summary>
    public sealed record RecordFailure(BuildState Build) : SlaveStep;

    /// <summary>Have the file expected, then reply SEND.</summary>
    public sealed record ExpectFile(FileState File) : SlaveStep;

    /// <summary>Have the file verified; the session says what follows from the result.</summary>
    public sealed record VerifyFile(FileState File) : SlaveStep;

    /// <summary>Record a build whose files are all in place, then reply DONE.</summary>
    public sealed record RecordSuccess(BuildState Build) : SlaveStep;

    /// <summary>The slave has left; there is nothing to reply.</summary>
    public sealed record Leave : SlaveStep;

    /// <summary>No reply: the peer does not keep to the order of request and reply.</summary>
    public sealed record Ignore(string Reason) : SlaveStep;
}
