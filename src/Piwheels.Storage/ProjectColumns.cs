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
        + "target_abis, target_platforms, states, state_builds, "
        + "file_versions, filenames, filesizes, filehashes, builder_abis, file_abis, file_platforms, requires_pythons, "
        + "locations, built_at, "
        + "need_files, needs, "
        + "link_versions, link_filenames, link_urls, link_hashes, link_sizes, link_requires_pythons, link_yanked, "
        + "link_metadata, link_uploaded, link_py_tags, link_abis, link_platforms";

    private readonly List<string> _none = [];

    public ProjectData ToProject(PackageName package)
    {
        var (versions, released, yanked, skips) =
            (Array<string>(5), Array<DateTimeOffset>(6), Array<bool>(7), Array<string>(8));
        var targets = ReadTargets(versions.Length);
        var files = ReadFiles();
        var linked = ReadLinked();
        return new ProjectData(
            package, row.GetString(0), row.GetString(1), row.GetString(2), row.GetFieldValue<string[]>(3),
            [
                .. versions.Select((version, i) => new ProjectVersion(
                    version, released[i], yanked[i], skips[i], [.. files[version]], targets[i])
                {
                    Linked = [.. linked[version]],
                }),
            ],
            row.GetInt64(4));
    }

    public static ProjectTarget TargetOf(string abi, string platform, string state, int? buildId) =>
        new(new Target(abi, platform), StateOf(state), buildId);

    private static TargetState StateOf(string state) => Database.Member<TargetState>("release_states.state", state);

    /// <summary>Of each version, as it stands on each target.</summary>
    private ProjectTarget[][] ReadTargets(int versions)
    {
        var targets = Array<string>(9).Zip(Array<string>(10), (abi, platform) => new Target(abi, platform)).ToArray();
        var (states, builds) = (Array<string>(11), Array<int?>(12));
        var of = new ProjectTarget[versions][];
        for (var i = 0; i < versions; i++)
        {
            var first = i * targets.Length;
            of[i] = [.. targets.Select((t, n) => new ProjectTarget(t, StateOf(states[first + n]), builds[first + n]))];
        }

        return of;
    }

    private ILookup<string, ProjectFile> ReadFiles()
    {
        var (versions, names, sizes, hashes) =
            (Array<string>(13), Array<string>(14), Array<long>(15), Array<string>(16));
        var (builders, abis, platforms) = (Array<string>(17), Array<string>(18), Array<string>(19));
        var (requires, locations, built) = (Array<string?>(20), Array<string>(21), Array<DateTimeOffset>(22));
        var (apt, pip) = ReadNeeds(versions.Length);
        return Enumerable.Range(0, versions.Length).ToLookup(i => versions[i], i => new ProjectFile(
            names[i], sizes[i], hashes[i], builders[i], abis[i], platforms[i], requires[i], locations[i], built[i],
            apt[i], pip[i]));
    }

    /// <summary>
    /// What each file needs of apt and of pip, in order; files are counted from 1, below zero for pip. Names come in
    /// order unless the server has found another way to read them, so to sort each list would take longer.
    /// </summary>
    private (List<string>[] Apt, List<string>[] Pip) ReadNeeds(int files)
    {
        var (numbers, names) = (Array<int>(23), Array<string>(24));
        var (apt, pip) = (Enumerable.Repeat(_none, files).ToArray(), Enumerable.Repeat(_none, files).ToArray());
        for (var i = 0; i < numbers.Length; i++)
        {
            ref var needs = ref numbers[i] > 0 ? ref apt[numbers[i] - 1] : ref pip[-numbers[i] - 1];
            if (needs == _none) needs = [];
            var place = needs.Count;
            while (place > 0 && string.CompareOrdinal(needs[place - 1], names[i]) > 0) place--;
            needs.Insert(place, names[i]);
        }

        return (apt, pip);
    }

    private ILookup<string, UpstreamWheel> ReadLinked()
    {
        var (versions, names, urls, hashes, sizes) =
            (Array<string>(25), Array<string>(26), Array<string>(27), Array<string>(28), Array<long?>(29));
        var (requires, yanked, metadata, uploaded) =
            (Array<string?>(30), Array<bool>(31), Array<bool>(32), Array<DateTimeOffset?>(33));
        var (pythons, abis, platforms) = (Array<string>(34), Array<string>(35), Array<string>(36));
        return Enumerable.Range(0, versions.Length).ToLookup(i => versions[i], i => new UpstreamWheel(
            versions[i], names[i], urls[i], hashes[i], sizes[i], requires[i], yanked[i], metadata[i], uploaded[i],
            pythons[i], abis[i], platforms[i]));
    }

    /// <summary>Of no rows the aggregate is null.</summary>
    private T[] Array<T>(int column) => row.IsDBNull(column) ? [] : row.GetFieldValue<T[]>(column);
}
