using System.Buffers;
using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Pages;
using Templates = Piwheels.Pages.templates;

namespace Piwheels.Master.Publishing;

/// <summary>Writes the pages of one package. One call at a time for a package, any number for several.</summary>
internal sealed class PagesOfPackage(SiteFolder folder, WholeFile files, Site site, ILogger logger)
{
    private readonly CoreMetadata _metadata = new(files, logger);

    /// <summary>Writes the project page, its JSON and the links of the name's other spellings.</summary>
    internal async Task WriteProjectAsync(PackageView package)
    {
        var project = folder.ProjectOf(package.Package);
        var jsonFolder = folder.ProjectJsonOf(package.Package);
        folder.Ensure(project);
        folder.Ensure(jsonFolder);
        Leftovers.RemoveFrom(project);
        Leftovers.RemoveFrom(jsonFolder);

        var page = await Rendered.RenderAsync(Templates.Project.Create(ProjectPageView.Of(package, site)));
        files.Write(Path.Combine(project, SiteFolder.PageFile), page.Span);

        var json = new ArrayBufferWriter<byte>();
        ProjectJsonWriter.Write(json, package, site);
        files.Write(Path.Combine(jsonFolder, "index.json"), json.WrittenSpan);

        foreach (var alias in package.Data.Aliases.Where(alias => SiteFolder.IsAlias(package.Package, alias)))
            EnsureLink(folder.AliasOf(package.Package, alias), package.Package.Value, project);
    }

    /// <summary>Writes the package's list of files in both forms, with what belongs beside the files.</summary>
    internal void WriteSimple(PackageView package)
    {
        var simple = folder.SimpleOf(package.Package);
        folder.Ensure(simple);
        Leftovers.RemoveFrom(simple);
        foreach (var release in package.Releases) EnsureArmv6Links(package.Package, release.Data);

        var index = IndexOf(package);
        var output = new ArrayBufferWriter<byte>();
        SimpleIndexWriter.WriteHtml(output, index);
        files.Write(Path.Combine(simple, SiteFolder.PageFile), output.WrittenSpan);
        output.ResetWrittenCount();
        SimpleIndexWriter.WriteJson(output, index);
        files.Write(Path.Combine(simple, SiteFolder.SimpleJsonFile), output.WrittenSpan);
    }

    private SimplePackage IndexOf(PackageView package)
    {
        var listed = package.Releases.Where(release => release.HasFiles).ToList();
        // One link for a file (PEP 503), ours before upstream's, wherever they say that it belongs
        var known = listed.SelectMany(release => release.Data.Files).Select(file => file.Filename)
            .ToHashSet(StringComparer.Ordinal);
        return new SimplePackage(
            package.Package.Value,
            [.. listed.Select(release => release.Data.Version)],
            [.. listed.SelectMany(release => release.Data.Files
                // What is no plain name cannot be the last part of its address, as PEP 503 has it
                .Where(file => SiteFolder.IsFilename(file.Filename))
                .Select(file => FileOf(package.Package, release.Data, file))
                .Concat(release.Data.Linked.Where(wheel => !known.Contains(wheel.Filename)).Select(LinkTo))
                .OrderBy(file => file.Filename, StringComparer.Ordinal))
                .DistinctBy(file => file.Filename)]);
    }

    // As upstream lists it, to the yank of a single file
    private static SimpleFile LinkTo(UpstreamWheel wheel) => new(
        wheel.Filename,
        "",
        wheel.FileHash,
        wheel.FileSize,
        wheel.Uploaded,
        wheel.RequiresPython,
        wheel.Yanked,
        MetadataHash: null)
    {
        Url = wheel.Url,
        HasMetadata = wheel.Metadata,
    };

    private SimpleFile FileOf(PackageName package, ProjectVersion version, ProjectFile file)
    {
        var here = FileLocation.IsSimple(file.Location);
        return new SimpleFile(
            file.Filename,
            here ? "" : FileLocation.FolderOf(file.Location, package),
            file.FileHash,
            file.FileSize,
            file.BuiltAt,
            file.RequiresPython,
            version.Yanked,
            here ? _metadata.HashOf(folder.FileOf(package, file.Filename)) : null);
    }

    // A listed name that is no file on disk is the second name of one that is
    private void EnsureArmv6Links(PackageName package, ProjectVersion version)
    {
        foreach (var file in version.Files)
        {
            if (!FileLocation.IsSimple(file.Location) || !SiteFolder.IsFilename(file.Filename)) continue;
            if (Armv6Alias.NameFor(file.Filename) is not { } alias) continue;
            if (!version.Files.Any(other => other.Filename == alias)) continue;
            var path = folder.FileOf(package, alias);
            if (IsFile(path) || !IsFile(folder.FileOf(package, file.Filename))) continue;
            EnsureLink(path, file.Filename, folder.SimpleOf(package));
        }
    }

    private static bool IsFile(string path) => new FileInfo(path) is { Exists: true, LinkTarget: null };

    /// <summary>Makes a relative link; a file or folder of another kind in its place stays.</summary>
    private void EnsureLink(string path, string target, string workFolder)
    {
        var info = new FileInfo(path);
        if (info.LinkTarget == target) return;
        if (info.LinkTarget is null && (info.Exists || Directory.Exists(path))) return;
        files.WriteLink(path, target, workFolder);
    }
}
