using System.Formats.Cbor;
using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Messaging.Cbor;

/// <summary>Builds and the wheels they made, and the names of what is built.</summary>
internal static class BuildStates
{
    public static PackageName ReadPackage(WireReader reader)
    {
        var text = reader.Text("package", WireLimits.TextLengthMax);
        return PackageName.TryParse(text, out var package)
            ? package
            : throw reader.Fail("package", "not a package name");
    }

    public static string ReadVersion(WireReader reader)
    {
        var version = reader.Text("version", WireLimits.TextLengthMax);
        return version.Length > 0 ? version : throw reader.Fail("version", "empty");
    }

    public static Release ReadRelease(WireReader reader)
    {
        reader.StartRecord("release");
        var release = new Release(ReadPackage(reader), ReadVersion(reader));
        reader.EndRecord("release");
        return release;
    }

    public static void Write(this CborWriter writer, Release release)
    {
        writer.WriteStartArray(2);
        writer.WriteTextString(release.Package.Value);
        writer.WriteTextString(release.Version);
        writer.WriteEndArray();
    }

    public static Target ReadTarget(WireReader reader)
    {
        reader.StartRecord("target");
        var target = new Target(
            reader.Text("ABI", WireLimits.TextLengthMax), reader.Text("platform", WireLimits.TextLengthMax));
        reader.EndRecord("target");
        return target;
    }

    public static void Write(this CborWriter writer, Target target)
    {
        writer.WriteStartArray(2);
        writer.WriteTextString(target.Abi);
        writer.WriteTextString(target.Platform);
        writer.WriteEndArray();
    }

    /// <summary>
    /// A list of file states, and the form that they have: with location unless one of them comes without.
    /// </summary>
    public static (IReadOnlyList<FileState> Files, FileStateForm Form) ReadFiles(WireReader reader)
    {
        var form = FileStateForm.WithLocation;
        var files = reader.List("files", WireLimits.FilesMax, r =>
        {
            var (file, itsForm) = ReadFile(r);
            if (itsForm == FileStateForm.WithoutLocation) form = itsForm;
            return file;
        });
        return (files, form);
    }

    public static void WriteFiles(this CborWriter writer, IReadOnlyList<FileState> files, FileStateForm form)
    {
        writer.WriteStartArray(files.Count);
        foreach (var file in files) writer.Write(file, form);
        writer.WriteEndArray();
    }

    public static (FileState File, FileStateForm Form) ReadFile(WireReader reader)
    {
        reader.StartRecord("file state");
        var file = new FileState(
            Filename: reader.Text("file name", WireLimits.TextLengthMax),
            FileSize: reader.Size("file size"),
            FileHash: reader.Text("file hash", WireLimits.TextLengthMax),
            PackageTag: reader.Text("package tag", WireLimits.TextLengthMax),
            PackageVersionTag: reader.Text("version tag", WireLimits.TextLengthMax),
            PyVersionTag: reader.Text("Python tag", WireLimits.TextLengthMax),
            AbiTag: reader.Text("ABI tag", WireLimits.TextLengthMax),
            PlatformTag: reader.Text("platform tag", WireLimits.TextLengthMax),
            RequiresPython: reader.NullableText("requires-python", WireLimits.TextLengthMax),
            Dependencies: reader.Map("dependencies", WireLimits.ToolsMax, ReadDependencies));
        var form = FileStateForm.WithoutLocation;
        if (!reader.AtEnd())
        {
            file = file with { Location = reader.Text("location", WireLimits.TextLengthMax) };
            form = FileStateForm.WithLocation;
        }

        reader.EndRecord("file state");
        return (file, form);
    }

    public static void Write(this CborWriter writer, FileState file, FileStateForm form)
    {
        writer.WriteStartArray(form == FileStateForm.WithLocation ? 11 : 10);
        writer.WriteTextString(file.Filename);
        writer.WriteInt64(file.FileSize);
        writer.WriteTextString(file.FileHash);
        writer.WriteTextString(file.PackageTag);
        writer.WriteTextString(file.PackageVersionTag);
        writer.WriteTextString(file.PyVersionTag);
        writer.WriteTextString(file.AbiTag);
        writer.WriteTextString(file.PlatformTag);
        writer.WriteNullableText(file.RequiresPython);
        writer.WriteMap(file.Dependencies, static (w, dependencies) => w.WriteTexts(dependencies));
        if (form == FileStateForm.WithLocation) writer.WriteTextString(file.Location);
        writer.WriteEndArray();
    }

    /// <summary>A build as importers send it; neither its platform nor its number is part of that.</summary>
    public static (BuildState Build, FileStateForm Form) ReadBuild(WireReader reader)
    {
        reader.StartRecord("build state");
        var build = new BuildState(
            SlaveId: reader.SlaveId(),
            Package: reader.Text("package", WireLimits.TextLengthMax),
            Version: reader.Text("version", WireLimits.TextLengthMax),
            AbiTag: reader.NullableText("ABI tag", WireLimits.TextLengthMax),
            Status: reader.Boolean("status"),
            Duration: ReadBuildDuration(reader),
            Output: reader.Output("output", WireLimits.OutputLengthMax),
            Files: []);
        var (files, form) = ReadFiles(reader);
        reader.EndRecord("build state");
        return (build with { Files = files }, form);
    }

    public static void Write(this CborWriter writer, BuildState build, FileStateForm form)
    {
        writer.WriteStartArray(8);
        writer.WriteInt32(build.SlaveId);
        writer.WriteTextString(build.Package);
        writer.WriteTextString(build.Version);
        writer.WriteNullableText(build.AbiTag);
        writer.WriteBoolean(build.Status);
        writer.WriteDuration(build.Duration);
        writer.WriteTextString(build.Output);
        writer.WriteFiles(build.Files, form);
        writer.WriteEndArray();
    }

    /// <summary>Why a build failed, or null.</summary>
    public static BuildFailure? ReadFailure(WireReader reader)
    {
        if (reader.TryNull()) return null;
        reader.StartRecord("failure");
        var word = reader.Text("class", WireLimits.TextLengthMax);
        if (!FailureClasses.TryParse(word, out var failure)) throw reader.Fail("class", "not one of the classes");
        var read = new BuildFailure(
            failure, reader.Text("evidence", WireLimits.LongTextLengthMax),
            reader.NullableText("apt package", WireLimits.TextLengthMax));
        reader.EndRecord("failure");
        return read;
    }

    public static void WriteFailure(this CborWriter writer, BuildFailure? failure)
    {
        if (failure is null)
        {
            writer.WriteNull();
            return;
        }

        writer.WriteStartArray(3);
        writer.WriteTextString(failure.Class.Word());
        writer.WriteTextString(failure.Evidence);
        writer.WriteNullableText(failure.AptPackage);
        writer.WriteEndArray();
    }

    /// <summary>A clock set back during a build makes its duration negative: no reason to lose the build.</summary>
    public static TimeSpan ReadBuildDuration(WireReader reader)
    {
        var duration = reader.Duration("duration");
        return duration > TimeSpan.Zero ? duration : TimeSpan.Zero;
    }

    private static IReadOnlyList<string> ReadDependencies(WireReader reader) => reader.List(
        "dependencies", WireLimits.DependenciesMax, static r => r.Text("dependency", WireLimits.TextLengthMax));
}
