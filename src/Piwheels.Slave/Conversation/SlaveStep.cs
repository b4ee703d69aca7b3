using Piwheels.Core.Packaging;
using Piwheels.Core.Recipes;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Slave.Conversation;

/// <summary>What a slave has to do next.</summary>
internal abstract record SlaveStep
{
    private SlaveStep()
    {
    }

    /// <summary>Say this to the master.</summary>
    public sealed record Say(SlaveRequest Request) : SlaveStep;

    /// <summary>Say IDLE, with the machine's figures.</summary>
    public sealed record SayIdle : SlaveStep;

    /// <summary>Say BUSY, with the machine's figures.</summary>
    public sealed record SayBusy : SlaveStep;

    /// <summary>Say FACTS: which of these Debian packages are there, and whether what builds print can be told.</summary>
    public sealed record SayFacts(IReadOnlyList<string> AptAsked, bool Tail = false) : SlaveStep;

    /// <summary>Say PRINTED, with the newest of what the build has printed.</summary>
    /// <param name="From">What the master knows already, in bytes.</param>
    public sealed record SayPrinted(long From) : SlaveStep;

    /// <summary>Nothing, before this time or until something happens.</summary>
    public sealed record Wait(DateTimeOffset Until) : SlaveStep;

    /// <summary>Start to build.</summary>
    /// <param name="Recipe">How; null: as any other release.</param>
    public sealed record StartBuild(Release Release, Uri Index, Recipe? Recipe = null) : SlaveStep;

    /// <summary>Start to send a file of the build.</summary>
    public sealed record SendFile(int SlaveId, string Filename) : SlaveStep;

    /// <summary>Stop the build and what is being sent of it, and remove its files.</summary>
    public sealed record DropBuild : SlaveStep;

    /// <summary>Close the socket and open another: to the master this will be another slave.</summary>
    public sealed record StartOver(string Reason) : SlaveStep;

    /// <summary>Close the socket and end.</summary>
    public sealed record End(SlaveEnd Why) : SlaveStep;
}

/// <summary>Why a slave ended.</summary>
public enum SlaveEnd
{
    /// <summary>It was asked to stop on its own machine.</summary>
    Stopped,

    /// <summary>The master told it to die.</summary>
    Dismissed,
}
