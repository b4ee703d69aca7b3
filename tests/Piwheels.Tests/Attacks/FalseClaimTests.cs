using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;
using Piwheels.Testing;
using Piwheels.Tests.Building;
using Xunit;

namespace Piwheels.Tests.Attacks;

/// <summary>Results that cannot be true: of what was not asked for, or of wheels that are none.</summary>
public sealed class FalseClaimTests
{
    private static readonly SlaveRequest Sent = new SlaveRequest.Sent();

    [Fact]
    public async Task A_result_without_a_build_is_answered_by_die()
    {
        await using var farm = await AttackedFarm.StartAsync();
        using var attacker = farm.Stranger();
        attacker.Ask(new SlaveRequest.Hello(Slaves.Hello));

        attacker.AssertReply<SlaveReply.Die>(Slaves.Built(Slaves.File(Slaves.NumpyWheel)));

        Assert.Empty(farm.Bench.Database.Builds);
        await farm.EndAsync();
    }

    public static TheoryData<string, Func<FileState, FileState>> Claims => new()
    {
        { "another project's wheel", _ => Slaves.File(Slaves.NumpyWheel) },
        { "another version", _ => Slaves.File("scipy-1.1-cp311-cp311-linux_armv7l.whl") },
        { "a local version", _ => Slaves.File("scipy-1.0+evil-cp311-cp311-linux_armv7l.whl") },
        { "another interpreter", _ => Slaves.File("scipy-1.0-cp312-cp312-linux_armv7l.whl") },
        { "another machine", _ => Slaves.File("scipy-1.0-cp311-cp311-linux_x86_64.whl") },
        { "this machine and another", _ => Slaves.File("scipy-1.0-cp311-cp311-linux_armv7l.linux_x86_64.whl") },
        { "a path upwards", file => file with { Filename = $"../../{file.Filename}" } },
        { "an absolute path", file => file with { Filename = $"/etc/{file.Filename}" } },
        { "a Windows path", file => file with { Filename = $@"..\{file.Filename}" } },
        { "a hidden file", file => file with { Filename = $".{file.Filename}" } },
        { "no wheel", file => file with { Filename = "index.html" } },
        { "a METADATA", file => file with { Filename = $"{file.Filename}.metadata" } },
        { "a name with a line break", file => file with { Filename = $"scipy\n{file.Filename[5..]}" } },
        { "a name that fills the disk's limit", _ => Slaves.File(LongName) },
        { "tags that are not the name's", file => file with { PlatformTag = "any" } },
        { "no bytes", file => file with { FileSize = 0 } },
        { "more bytes than anything has", file => file with { FileSize = long.MaxValue } },
        { "a hash that is none", file => file with { FileHash = "../../../../etc/passwd" } },
        { "a hash of another length", file => file with { FileHash = new string('a', 63) } },
        { "a Requires-Python of many lines", file => file with { RequiresPython = ">=3\n<a href=evil>" } },
        { "dependencies of an unknown tool", file => With(file, "rpm", "evil") },
        { "a dependency with a line break", file => With(file, "apt", "libc6\n; rm -rf /") },
        { "a hundred thousand characters of dependencies", file => With(file, "pip", [.. Many(1_000, 200)]) },
    };

    /// <summary>250 characters: as a file it could be written, but not its METADATA beside it.</summary>
    private static string LongName =>
        $"scipy-1.0-1{new string('a', 210)}-cp311-cp311-linux_armv7l.whl";

    [Theory]
    [MemberData(nameof(Claims))]
    public async Task A_claim_that_cannot_be_true_fails_its_own_build_and_nobody_elses(
        string what, Func<FileState, FileState> lie)
    {
        Assert.NotEmpty(what);
        await using var farm = await AttackedFarm.StartAsync();
        using var attacker = farm.Builder();

        attacker.AssertReply<SlaveReply.Done>(Slaves.Built(lie(Slaves.File(AttackedFarm.ScipyWheel))));

        var build = Assert.Single(farm.Bench.Database.Builds);
        Assert.Equal((AttackedFarm.Scipy.Package.Value, false), (build.Package, build.Status));
        Assert.Equal(FailureClass.BadWheel, build.Failure?.Class);
        Assert.Empty(build.Files);
        await farm.EndAsync();
    }

    [Fact]
    public async Task A_thousand_files_fail_the_build()
    {
        await using var farm = await AttackedFarm.StartAsync();
        using var attacker = farm.Builder();
        var files = Enumerable.Range(1, 1_000)
            .Select(number => Slaves.File($"scipy-1.0-{number}-cp311-cp311-linux_armv7l.whl"));

        attacker.AssertReply<SlaveReply.Done>(Slaves.Built([.. files]));

        Assert.False(Assert.Single(farm.Bench.Database.Builds).Status);
        await farm.EndAsync();
    }

    [Fact]
    public async Task A_wheel_of_another_projects_METADATA_is_never_published()
    {
        await using var farm = await AttackedFarm.StartAsync();
        using var attacker = farm.Builder();
        var (path, state) = farm.Bench.Wheel(new WheelMaker("scipy", "1.0", "cp311-cp311-linux_armv7l")
        {
            Metadata = "Metadata-Version: 2.1\nName: numpy\nVersion: 1.0\n",
        });
        attacker.AssertReply<SlaveReply.Send>(Slaves.Built(state));
        await farm.Bench.SendAsync(2, path);

        attacker.AssertReply<SlaveReply.Done>(Sent);

        Assert.False(Assert.Single(farm.Bench.Database.Builds).Status);
        await farm.EndAsync();
    }

    [Theory]
    [InlineData("Requires-Python: >=3.11\n", null, ">=3.11")]
    [InlineData("Requires-Python: >=3.11\n", ">=2.7", ">=3.11")]
    [InlineData("", ">=99", null)]
    [InlineData("Requires-Python: nonsense\n", ">=3.9", null)]
    public async Task The_wheels_own_word_on_its_Python_is_recorded_whatever_the_slave_says(
        string field, string? claim, string? recorded)
    {
        await using var farm = await AttackedFarm.StartAsync();
        using var slave = farm.Builder();
        var (path, state) = farm.Bench.Wheel(
            new WheelMaker("scipy", "1.0", "cp311-cp311-linux_armv7l") { Fields = field });
        slave.AssertReply<SlaveReply.Send>(Slaves.Built(state with { RequiresPython = claim }));
        await farm.Bench.SendAsync(2, path);

        slave.AssertReply<SlaveReply.Done>(Sent);

        var build = Assert.Single(farm.Bench.Database.Builds);
        Assert.True(build.Status);
        Assert.Equal(recorded, Assert.Single(build.Files).RequiresPython);
        await farm.EndAsync(
            others: [$"simple/scipy/{state.Filename}", $"simple/scipy/{state.Filename}.metadata"]);
    }

    private static FileState With(FileState file, string tool, params string[] names) =>
        file with { Dependencies = new Dictionary<string, IReadOnlyList<string>> { [tool] = names } };

    private static IEnumerable<string> Many(int count, int length) =>
        Enumerable.Range(0, count).Select(number => $"{number}".PadLeft(length, 'x'));
}
