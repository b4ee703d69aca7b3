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
        + "need_files, apt_needs, pip_needs, preinstalled_abis, preinstalled, "
        + "link_versions, link_filenames, link_urls, link_hashes, link_sizes, link_requires_pythons, link_yanked, "
        + "link_metadata, link_uploaded, link_py_tags, link_abis, link_platforms";

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
        var (apt, pip) = ReadNeeds(builders);
        return Enumerable.Range(0, versions.Length).ToLookup(i => versions[i], i => new ProjectFile(
            names[i], sizes[i], hashes[i], builders[i], abis[i], platforms[i], requires[i], locations[i], built[i],
            apt[i], pip[i]));
    }

    /// <summary>What each file needs of apt and of pip, in order, less what its builders have anyway.</summary>
    private (string[][] Apt, string[][] Pip) ReadNeeds(string[] builders)
    {
        var (numbers, aptNeeds, pipNeeds) = (Array<int>(23), Array<string?>(24), Array<string?>(25));
        var preinstalled = Array<string>(26).Zip(Array<string>(27)).ToHashSet();
        var (apt, pip) = (new string[builders.Length][], new string[builders.Length][]);
        System.Array.Fill(apt, []);
        System.Array.Fill(pip, []);
        for (var i = 0; i < numbers.Length; i++)
        {
            var file = numbers[i] - 1;
            pip[file] = Lines(pipNeeds[i]);
            apt[file] = Lines(aptNeeds[i]);
            if (preinstalled.Count == 0) continue;
            apt[file] = System.Array.FindAll(apt[file], name => !preinstalled.Contains((builders[file], name)));
        }

        return (apt, pip);
    }

    /// <summary>Nearly always they are in order already: that is how the server reads them.</summary>
    private static string[] Lines(string? text)
    {
        if (text is null) return [];
        var lines = text.Split('\n');
        System.Array.Sort(lines, StringComparer.Ordinal);
        return lines;
    }

    private ILookup<string, UpstreamWheel> ReadLinked()
    {
        var (versions, names, urls, hashes, sizes) =
            (Array<string>(28), Array<string>(29), Array<string>(30), Array<string>(31), Array<long?>(32));
        var (requires, yanked, metadata, uploaded) =
            (Array<string?>(33), Array<bool>(34), Array<bool>(35), Array<DateTimeOffset?>(36));
        var (pythons, abis, platforms) = (Array<string>(37), Array<string>(38), Array<string>(39));
        return Enumerable.Range(0, versions.Length).ToLookup(i => versions[i], i => new UpstreamWheel(
            versions[i], names[i], urls[i], hashes[i], sizes[i], requires[i], yanked[i], metadata[i], uploaded[i],
            pythons[i], abis[i], platforms[i]));
    }

    /// <summary>Of no rows the aggregate is null.</summary>
    private T[] Array<T>(int column) => row.IsDBNull(column) ? [] : row.GetFieldValue<T[]>(column);
}
