using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Master.Administration;

/// <summary>What is to be done next for a tool.</summary>
public abstract record ImportStep
{
    private ImportStep()
    {
    }

    /// <summary>The request stands for itself: do it.</summary>
    public sealed record Change(ImportRequest Request) : ImportStep;

    /// <summary>
    /// An import whose claims can be true; whether the release is known, and its ABI, is to be looked up.
    /// </summary>
    public sealed record Begin(BuildState Build, Release Release) : ImportStep;

    /// <summary>Have this file expected, and ask the tool to send it.</summary>
    public sealed record Expect(FileState File) : ImportStep;

    /// <summary>The tool says that it has sent what was expected: have it verified.</summary>
    public sealed record Verify(PackageName Package) : ImportStep;

    /// <summary>All files are there: record the build.</summary>
    public sealed record Record(BuildState Build, Release Release) : ImportStep;

    /// <summary>Tell the tool that it is not done.</summary>
    public sealed record Refuse(string Reason) : ImportStep;
}
