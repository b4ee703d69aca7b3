using Piwheels.Core.Packaging;

namespace Piwheels.Master.Publishing;

/// <summary>
/// The list of all packages, in both forms. A package that comes or goes changes the list in memory; writing it out
/// is worth doing once for many. Not for several threads, but for <see cref="Write"/>.
/// </summary>
internal sealed class RootIndex(SiteFolder site, WholeFile files)
{
    private readonly HashSet<PackageName> _added = [];
    private readonly HashSet<PackageName> _removed = [];
    private PackageList _list = PackageList.Empty;
    private PackageList? _written;

    /// <summary>Whether the files on disk are behind.</summary>
    internal bool IsDirty => _written != _list || _added.Count > 0 || _removed.Count > 0;

    /// <summary>Takes up what the folder holds: every package with a folder is listed.</summary>
    internal void Load()
    {
        var names = new HashSet<PackageName>();
        foreach (var folder in new DirectoryInfo(site.Simple).EnumerateDirectories())
        {
            // A link is left from an alias
            if (folder.LinkTarget is null && PackageName.TryParse(folder.Name, out var name) &&
                name.Value == folder.Name)
                names.Add(name);
        }

        _list = PackageList.Empty.With(names, new HashSet<PackageName>());
        _written = null;
    }

    internal void Add(PackageName package)
    {
        _removed.Remove(package);
        if (!_list.Contains(package)) _added.Add(package);
    }

    internal void Remove(PackageName package)
    {
        _added.Remove(package);
        if (_list.Contains(package)) _removed.Add(package);
    }

    /// <summary>The list as it stands now, to be written.</summary>
    internal PackageList Settle()
    {
        _list = _list.With(_added, _removed);
        _added.Clear();
        _removed.Clear();
        return _list;
    }

    /// <summary>Writes a list out; on any thread.</summary>
    internal void Write(PackageList list)
    {
        files.Write(
            Path.Combine(site.Simple, SiteFolder.PageFile),
            stream => SimpleIndexWriter.WriteRootHtml(stream, list));
        files.Write(
            Path.Combine(site.Simple, SiteFolder.SimpleJsonFile),
            stream => SimpleIndexWriter.WriteRootJson(stream, list));
    }

    /// <summary>Says that a list has been written.</summary>
    internal void Written(PackageList list) => _written = list;
}
