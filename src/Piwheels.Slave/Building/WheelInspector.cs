using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Slave.Python;
using Piwheels.Slave.Wheels;

namespace Piwheels.Slave.Building;

/// <summary>A wheel that a build has made, and that was found to be sound.</summary>
/// <param name="File">As the master wants it described.</param>
internal sealed record InspectedWheel(FileState File, WheelContents Contents)
{
    /// <summary>What is odd about it, to go on after its name; null when nothing is.</summary>
    public string? Remark { get; init; }
}

/// <summary>Reads a wheel.</summary>
/// <exception cref="InvalidDataException">It is no sound wheel; the message names it, and says why.</exception>
internal delegate InspectedWheel InspectWheel(string path);

/// <summary>Looks at what builds have made for an interpreter, before anybody else sees it. Runs nothing of it.</summary>
/// <param name="checksMachine">Whether machine code must be for the platform of the wheel's tag.</param>
internal sealed class WheelInspector(PythonFacts python, bool checksMachine)
{
    private readonly MachineCheck? _machine = checksMachine ? MachineCheck.For(python) : null;

    /// <summary>
    /// Looks at wheels of a release. Debian's lists are read for each build: what is installed may change between two.
    /// </summary>
    public InspectWheel Of(Release release)
    {
        var environment = MarkerEnvironment.ForTarget(python.Target, python.Version);
        var apt = new Lazy<AptDependencies>(() => AptDependencies.Read());
        return path => environment is null
            ? throw new InvalidDataException($"what {python.Target} requires is not known")
            : Inspect(path, release, environment, apt.Value) switch
            {
                WheelInspection.Accepted accepted => WithMachine(accepted),
                WheelInspection.Refused refused => throw Refusal(Path.GetFileName(path), refused.Reason),
                _ => throw new InvalidOperationException("an inspection has two outcomes"),
            };
    }

    private InspectedWheel WithMachine(WheelInspection.Accepted accepted)
    {
        var wheel = new InspectedWheel(accepted.File, accepted.Contents);
        if (_machine is null) return wheel;
        var findings = _machine.Look(WheelFileName.Parse(accepted.File.Filename), accepted.Contents);
        return findings.Problem is { } problem
            ? throw Refusal(accepted.File.Filename, problem)
            : wheel with { Remark = findings.Remark };
    }

    // No room to unpack it is the build's misfortune; it is no reason for the slave to give up
    private static WheelInspection Inspect(string path, Release release, MarkerEnvironment environment, AptDependencies apt)
    {
        try
        {
            return WheelFile.Inspect(path, release, environment, apt, Path.GetDirectoryName(path));
        }
        catch (IOException e)
        {
            return new WheelInspection.Refused($"cannot be read: {e.Message}");
        }
    }

    private static InvalidDataException Refusal(string name, string reason) => new($"{name} {reason}");
}
