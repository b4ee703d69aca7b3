using Npgsql;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Storage;

/// <summary>The one row of get_project_data, whose columns are arrays side by side.</summary>
internal sealed class ProjectColumns(NpgsqlDataReader row)
{
    /// <summary>The columns, in the order in which this reads them.</summary>
    public const string Names =
        "display_name, description, skip, aliases, revision, "
        + "versions, released, yanked, version_skips, "
        + "state_versions, state_abis, state_platforms, states, state_builds, "
        + "file_versions, filenames, filesizes, filehashes, builder_abis, file_abis, file_platforms, requires_pythons, "
        + "locations, built_at, "
        + "need_files, need_tools, needs, "
        + "link_versions, link_filenames, link_urls, link_hashes, link_sizes, link_requires_pythons, link_yanked, "
        + "link_metadata, link_uploaded, link_py_tags, link_abis, link_platforms";

    public ProjectData ToProject(PackageName package)
    {
        var targets = ReadTargets();
        var files = ReadFiles();
        var linked = ReadLinked();
        var (versions, released, yanked, skips) =
            (Array<string>(5), Array<DateTimeOffset>(6), Array<bool>(7), Array<string>(8));
        return new ProjectData(
            package, row.GetString(0), row.GetString(1), row.GetString(2), row.GetFieldValue<string[]>(3),
            [
                .. versions.Select((version, i) => new ProjectVersion(
                    version, released[i], yanked[i], skips[i], [.. files[version]], [.. targets[version]])
                {
                    Linked = [.. linked[version]],
                }),
            ],
            row.GetInt64(4));
    }

    public static ProjectTarget TargetOf(string abi, string platform, string state, int? buildId) => new(
        new Target(abi, platform),
        Database.Member<TargetState>("release_states.state", state),
        buildId);

    private ILookup<string, ProjectTarget> ReadTargets()
    {
        var (versions, abis, platforms, states, builds) =
            (Array<string>(9), Array<string>(10), Array<string>(11), Array<string>(12), Array<int?>(13));
        return Enumerable.Range(0, versions.Length)
            .ToLookup(i => versions[i], i => TargetOf(abis[i], platforms[i], states[i], builds[i]));
    }

    private ILookup<string, ProjectFile> ReadFiles()
    {
        var needs = ReadNeeds();
        var (versions, names, sizes, hashes) =
            (Array<string>(14), Array<string>(15), Array<long>(16), Array<string>(17));
        var (builders, abis, platforms) = (Array<string>(18), Array<string>(19), Array<string>(20));
        var (requires, locations, built) = (Array<string?>(21), Array<string>(22), Array<DateTimeOffset>(23));
        return Enumerable.Range(0, versions.Length).ToLookup(i => versions[i], i => new ProjectFile(
            names[i], sizes[i], hashes[i], builders[i], abis[i], platforms[i], requires[i], locations[i], built[i],
            needs.GetValueOrDefault((i + 1, "apt"), []), needs.GetValueOrDefault((i + 1, "pip"), [])));
    }

    private ILookup<string, UpstreamWheel> ReadLinked()
    {
        var (versions, names, urls, hashes, sizes) =
            (Array<string>(27), Array<string>(28), Array<string>(29), Array<string>(30), Array<long?>(31));
        var (requires, yanked, metadata, uploaded) =
            (Array<string?>(32), Array<bool>(33), Array<bool>(34), Array<DateTimeOffset?>(35));
        var (pythons, abis, platforms) = (Array<string>(36), Array<string>(37), Array<string>(38));
        return Enumerable.Range(0, versions.Length).ToLookup(i => versions[i], i => new UpstreamWheel(
            versions[i], names[i], urls[i], hashes[i], sizes[i], requires[i], yanked[i], metadata[i], uploaded[i],
            pythons[i], abis[i], platforms[i]));
    }

    /// <summary>What files need, by the file's number, counted from 1, and the tool that has it.</summary>
    private Dictionary<(int File, string Tool), List<string>> ReadNeeds()
    {
        var (files, tools, names) = (Array<int>(24), Array<string>(25), Array<string>(26));
        var needs = new Dictionary<(int, string), List<string>>();
        for (var i = 0; i < files.Length; i++)
        {
            if (!needs.TryGetValue((files[i], tools[i]), out var list)) needs[(files[i], tools[i])] = list = [];
            list.Add(names[i]);
        }

        foreach (var list in needs.Values) list.Sort(StringComparer.Ordinal);
        return needs;
    }

    /// <summary>Of no rows the aggregate is null.</summary>
    private T[] Array<T>(int column) => row.IsDBNull(column) ? [] : row.GetFieldValue<T[]>(column);
}
