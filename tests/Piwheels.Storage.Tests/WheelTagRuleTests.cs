using System.Globalization;
using FsCheck.Xunit;
using Npgsql;
using Piwheels.Core.Packaging;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Storage.Tests;

/// <summary>
/// Which wheels run on which targets is said twice: by <see cref="Coverage"/> and by the database's wheel_runs_on. Here
/// they are asked the same, thousands of cases in one query.
/// </summary>
public sealed class WheelTagRuleTests(ClusterFixture fixture) : IAsyncLifetime
{
    private const int CasesPerQuery = 4_000;

    private static readonly string[] Pythons =
    [
        "py2", "py3", "py30", "py39", "py310", "py311", "py3999", "py39999", "cp2", "cp3", "cp27", "cp36", "cp39", "cp310",
        "cp311", "cp312", "cp313", "cp313t", "pp39", "pp310", "pypy39", "pypy3", "ip27", "jy39", "graalpy311", "cp39_1", "py",
        "cp", "3", "none", "any", "py3x", "pyx3", "cpython39",
    ];

    private static readonly string[] Abis =
    [
        "none", "none", "abi3", "abi3", "abi4", "cp27mu", "cp36m", "cp39", "cp310", "cp311", "cp313", "cp313t", "cp3", "any",
        "pypy39_pp73", "pypy310_pp73", "pp73", "graalpy311_231_native", "abi3t",
    ];

    private static readonly string[] Platforms =
    [
        "any", "any", "linux_armv7l", "linux_armv6l", "linux_aarch64", "linux_x86_64", "manylinux1_x86_64",
        "manylinux2010_x86_64", "manylinux2014_armv7l", "manylinux_2_17_armv7l", "manylinux_2_36_aarch64",
        "manylinux_2_x86_64", "manylinux3_x86_64", "manylinux_x86_64", "musllinux_1_2_x86_64", "win32",
        "macosx_10_9_universal2", "manylinux2014", "manylinux_2_17", "xmanylinux1_x86_64", "linux",
    ];

    private static readonly string[] TargetAbis =
    [
        "cp27mu", "cp36m", "cp39", "cp310", "cp311", "cp312", "cp313", "cp313t", "cp3", "cp39d", "cp313td", "pypy39_pp73",
        "pypy310_pp73", "pp39", "graalpy311_231_native", "abi3", "strange", "cp39999", "cp3999",
    ];

    private static readonly string[] TargetPlatforms =
        ["linux_armv7l", "linux_armv6l", "linux_aarch64", "linux_x86_64", "win32", "musllinux_1_2_x86_64"];

    private TestDatabase _store = null!;

    public async ValueTask InitializeAsync() => _store = await fixture.Cluster.CreateDatabaseAsync();

    public ValueTask DisposeAsync() => _store.DisposeAsync();

    [Property(MaxTest = 20)]
    public async Task The_program_and_the_database_say_the_same_of_any_tags_on_any_target(int seed)
    {
        var random = new Random(seed);
        var cases = Enumerable.Range(0, CasesPerQuery).Select(_ => Case.Draw(random)).ToList();
        var runs = await AskAsync(cases);
        var differences = cases.Zip(runs)
            .Where(pair => pair.First.RunsHere() != pair.Second)
            .Select(pair => $"{pair.First}: the database says {pair.Second}").Distinct().ToList();
        Assert.True(differences.Count == 0, string.Join('\n', differences.Take(20)));
        Assert.InRange(runs.Count(run => run), CasesPerQuery / 100, CasesPerQuery / 2);
    }

    [Property(MaxTest = 20)]
    public async Task They_say_the_same_of_upstreams_wheels_whatever_library_and_python_they_want(int seed)
    {
        var random = new Random(seed);
        var cases = Enumerable.Range(0, CasesPerQuery).Select(_ => UpstreamCase.Draw(random)).ToList();
        var runs = await AskAsync(cases);
        var differences = cases.Zip(runs)
            .Where(pair => pair.First.RunsHere() != pair.Second)
            .Select(pair => $"{pair.First}: the database says {pair.Second}").Distinct().ToList();
        Assert.True(differences.Count == 0, string.Join('\n', differences.Take(20)));
        Assert.InRange(runs.Count(run => run), CasesPerQuery / 200, CasesPerQuery / 2);
    }

    [Fact]
    public async Task Pythons_are_read_the_same_from_tags()
    {
        string[] tags = [.. Pythons.Concat(Abis).Concat(TargetAbis).Where(tag => InterpreterTag.TryParse(tag, out _))];
        var expected = tags.Select(tag =>
        {
            Assert.True(InterpreterTag.TryParse(tag, out var read));
            return ((read.Major * 1000) + (read.Minor ?? 0)).ToString(CultureInfo.InvariantCulture);
        });
        var list = string.Join(", ", tags.Select(tag => $"'{tag}'"));
        Assert.Equal(
            expected, await _store.ColumnAsync($"SELECT python_of(t) FROM unnest(ARRAY[{list}]) WITH ORDINALITY AS n (t, i) ORDER BY i"));
    }

    /// <summary>What the database says of each, in their order.</summary>
    private async Task<List<bool>> AskAsync(IReadOnlyList<Case> cases)
    {
        await using var connection = await _store.OpenAsync();
        await using var command = new NpgsqlCommand(
            """
            SELECT wheel_runs_on(n.py, n.abi, n.platform, n.on_abi, n.on_platform, n.alias)
            FROM unnest($1, $2, $3, $4, $5, $6) WITH ORDINALITY AS n (py, abi, platform, on_abi, on_platform, alias, i)
            ORDER BY n.i
            """,
            connection);
        foreach (var texts in new Func<Case, string>[]
        {
            c => c.Python, c => c.Abi, c => c.Platform, c => c.Target.Abi, c => c.Target.Platform,
        })
        {
            command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. cases.Select(texts)] });
        }

        command.Parameters.Add(new NpgsqlParameter<bool[]> { TypedValue = [.. cases.Select(c => c.Armv6Alias)] });
        var answers = new List<bool>();
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync()) answers.Add(reader.GetBoolean(0));
        return answers;
    }

    /// <summary>As <c>targets_upstream</c> asks it of a wheel in the table.</summary>
    private async Task<List<bool>> AskAsync(IReadOnlyList<UpstreamCase> cases)
    {
        await using var connection = await _store.OpenAsync();
        await using var command = new NpgsqlCommand(
            """
            SELECT upstream_runs_on(n.py, n.abi, n.platform, n.on_abi, n.on_platform, n.glibc)
                AND lets_in(n.pythons::int4multirange, python_of(n.on_abi))
            FROM unnest($1, $2, $3, $4, $5, $6, $7) WITH ORDINALITY
                AS n (py, abi, platform, on_abi, on_platform, pythons, glibc, i)
            ORDER BY n.i
            """,
            connection);
        foreach (var texts in new Func<UpstreamCase, string?>[]
        {
            c => c.Tags.Python, c => c.Tags.Abi, c => c.Tags.Platform, c => c.Tags.Target.Abi, c => c.Tags.Target.Platform,
            c => Database.MultirangeOf(c.RequiresPython),
        })
        {
            command.Parameters.Add(new NpgsqlParameter<string?[]> { TypedValue = [.. cases.Select(texts)] });
        }

        command.Parameters.Add(new NpgsqlParameter<int?[]> { TypedValue = [.. cases.Select(c => c.Glibc?.Number)] });
        var answers = new List<bool>();
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync()) answers.Add(reader.GetBoolean(0));
        return answers;
    }

    private sealed record UpstreamCase(Case Tags, string? RequiresPython, Glibc? Glibc)
    {
        private static readonly string?[] Required =
        [
            null, null, "", ">=3.9", ">=3.11", "<3.11", ">=3.9,<4", ">=2.7, !=3.0.*, !=3.1.*", ">=3.11.4", "==3.11.*",
            "~=3.10", "<3", ">3.999", "nonsense", ">=3.9 or so", "!=3.9.0", ">=4", ">=3.12.0rc1",
        ];

        private static readonly Glibc?[] Libraries =
            [null, null, Core.Packaging.Glibc.None, new(2, 5), new(2, 17), new(2, 31), new(2, 36), new(3, 0)];

        private static readonly string[] Platforms =
        [
            "any", "linux_armv7l", "linux_armv6l", "linux_aarch64", "manylinux1_x86_64", "manylinux2010_x86_64",
            "manylinux2014_armv7l", "manylinux2014_armv6l", "manylinux_2_17_armv7l", "manylinux_2_18_armv7l",
            "manylinux_2_31_armv7l", "manylinux_2_36_aarch64", "manylinux_2_28_x86_64", "manylinux_3_0_x86_64",
            "manylinux_2_99999999999999999999_x86_64", "manylinux_99999999999999999999_1_x86_64", "manylinux_02_017_x86_64",
            "manylinux_2_x86_64", "manylinux_2_17_", "manylinux_2_17", "manylinux2014_", "musllinux_1_2_x86_64",
            "xmanylinux_2_17_x86_64", "manylinux_2_17_armv7l_2",
        ];

        // What no interpreter is called tells no Python by the one rule, and some number by the other
        private static readonly string[] Abis = [.. TargetAbis.Except(["abi3", "cp39999"])];

        public static UpstreamCase Draw(Random random)
        {
            var tags = Case.Draw(random);
            return new UpstreamCase(
                tags with
                {
                    Platform = string.Join(
                        '.', Enumerable.Range(0, Math.Max(1, random.Next(6) - 2)).Select(_ => One(random, Platforms))),
                    Target = new Target(One(random, Abis), tags.Target.Platform),
                },
                One(random, Required),
                One(random, Libraries));
        }

        public bool RunsHere()
        {
            Assert.True(TagSet.TryParse(Tags.Python, Tags.Abi, Tags.Platform, out var tags), ToString());
            return Coverage.CoversUpstream(tags, RequiresPython, Tags.Target, Glibc);
        }

        private static T One<T>(Random random, T[] all) => all[random.Next(all.Length)];
    }

    private sealed record Case(string Python, string Abi, string Platform, Target Target, bool Armv6Alias)
    {
        public static Case Draw(Random random) => new(
            Some(random, Pythons), Some(random, Abis), Some(random, Platforms),
            new Target(One(random, TargetAbis), One(random, TargetPlatforms)), random.Next(2) == 0);

        public bool RunsHere()
        {
            Assert.True(TagSet.TryParse(Python, Abi, Platform, out var tags), ToString());
            return Coverage.Covers(tags, Target, Armv6Alias);
        }

        /// <summary>One tag, mostly; else a set of a few.</summary>
        private static string Some(Random random, string[] tags)
        {
            var count = Math.Max(1, random.Next(6) - 2);
            return string.Join('.', Enumerable.Range(0, count).Select(_ => One(random, tags)));
        }

        private static string One(Random random, string[] tags) => tags[random.Next(tags.Length)];
    }
}
