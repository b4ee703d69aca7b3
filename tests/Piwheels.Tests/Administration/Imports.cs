using Piwheels.Core.Packaging;
using Piwheels.Core.States;

namespace Piwheels.Tests.Administration;

/// <summary>Builds as an importer announces them.</summary>
internal static class Imports
{
    public static FileState File(string filename)
    {
        var name = WheelFileName.Parse(filename);
        return new FileState(
            filename, 1000, new string('0', 64), name.PackageTag, name.VersionTag, name.PythonTag, name.AbiTag,
            name.PlatformTag, ">=3.9", FileState.NoDependencies);
    }

    /// <param name="files">A single wheel when none are given.</param>
    public static BuildState Build(params FileState[] files) => new(
        0, "foo", "1.0", "cp311", true, TimeSpan.Zero, "Imported manually",
        files.Length > 0 ? files : [File("foo-1.0-cp311-cp311-linux_armv7l.whl")]);
}
