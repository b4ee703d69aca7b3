using Piwheels.Core.Failures;
using Piwheels.Core.Packaging;
using Piwheels.Core.States;
using Piwheels.Master.Building;
using Piwheels.Messaging.Protocols;
using Xunit;

namespace Piwheels.Tests.Building;

public sealed class BuiltCheckTests
{
    [Fact]
    public void A_claim_that_fits_becomes_the_build_that_was_asked_for()
    {
        var build = Check(Slaves.Built(Slaves.File(Slaves.NumpyWheel)));

        Assert.True(build.Status);
        Assert.Equal(
            (7, "numpy", "2.1.0", "cp311", "linux_armv7l"),
            (build.SlaveId, build.Package, build.Version, build.AbiTag, build.PlatformTag));
        Assert.Equal(Slaves.NumpyWheel, Assert.Single(build.Files).Filename);
        Assert.Equal("Successfully built\n", build.Output);
    }

    [Fact]
    public void The_files_come_in_the_order_of_their_names()
    {
        var build = Check(Slaves.Built(
            Slaves.File("numpy-2.1.0-py3-none-any.whl"),
            Slaves.File("numpy-2.1.0-1-cp311-cp311-linux_armv7l.whl"),
            Slaves.File(Slaves.NumpyWheel)));

        Assert.True(build.Status);
        Assert.Equal(
            ["numpy-2.1.0-1-cp311-cp311-linux_armv7l.whl", Slaves.NumpyWheel, "numpy-2.1.0-py3-none-any.whl"],
            build.Files.Select(file => file.Filename));
    }

    [Fact]
    public void Where_a_file_is_listed_is_for_the_master_to_say_and_hashes_are_lower_case()
    {
        var file = Slaves.File(Slaves.NumpyWheel) with
        {
            Location = "/../etc",
            FileHash = new string('A', 64),
        };

        var build = Check(Slaves.Built(file));

        Assert.True(build.Status);
        Assert.Equal(("/simple", new string('a', 64)), (build.Files[0].Location, build.Files[0].FileHash));
    }

    [Theory]
    [InlineData("numpy-2.1.0-cp311-cp311-linux_armv7l.whl")]
    [InlineData("NumPy-2.1.0-cp311-cp311-linux_armv7l.whl")]
    [InlineData("numpy-2.1-cp311-cp311-linux_armv7l.whl")]
    [InlineData("numpy-2.1.0-1-cp311-cp311-linux_armv7l.whl")]
    [InlineData("numpy-2.1.0-py2.py3-none-any.whl")]
    [InlineData("numpy-2.1.0-cp39-abi3-linux_armv7l.whl")]
    [InlineData("numpy-2.1.0-py3-none-linux_armv7l.whl")]
    [InlineData("numpy-2.1.0-cp311-none-any.whl")]
    [InlineData("numpy-2.1.0-cp311-cp311-manylinux2014_armv7l.whl")]
    [InlineData("numpy-2.1.0-cp311-cp311-manylinux_2_17_armv7l.manylinux2014_armv7l.whl")]
    public void A_wheel_that_the_slave_can_have_made_is_taken(string filename)
    {
        Assert.Null(BuildClaim.Refusal([Slaves.File(filename)], Slaves.Numpy, [Slaves.Hello.Target]));
        Assert.True(Check(Slaves.Built(Slaves.File(filename))).Status);
    }

    [Theory]
    [InlineData("scipy-2.1.0-cp311-cp311-linux_armv7l.whl", "the package asked for is numpy")]
    [InlineData("numpy-2.1.1-cp311-cp311-linux_armv7l.whl", "the version asked for is 2.1.0")]
    [InlineData("numpy-2.1.0+evil-cp311-cp311-linux_armv7l.whl", "the version asked for is 2.1.0")]
    [InlineData("numpy-2.1.0-cp313-cp313-linux_armv7l.whl", "does not make")]
    [InlineData("numpy-2.1.0-cp311-cp311-linux_x86_64.whl", "does not make")]
    [InlineData("numpy-2.1.0-cp311-cp311-manylinux2014_x86_64.whl", "does not make")]
    [InlineData("numpy-2.1.0-cp311-cp311-manylinux_armv7l.whl", "does not make")]
    [InlineData("numpy-2.1.0-cp313-abi3-linux_armv7l.whl", "does not make")]
    [InlineData("numpy-2.1.0-cp27-abi3-linux_armv7l.whl", "does not make")]
    [InlineData("numpy-2.1.0-cp313-none-any.whl", "does not make")]
    [InlineData("numpy-2.1.0-py2-none-any.whl", "does not run on")]
    [InlineData("numpy-2.1.0-cp311-cp311-linux_armv7l.win32.whl", "does not make")]
    [InlineData("numpy-2.1.0-cp311.cp313-cp311-linux_armv7l.whl", "does not make")]
    [InlineData("../numpy-2.1.0-cp311-cp311-linux_armv7l.whl", "not the name of a wheel")]
    [InlineData("/etc/numpy-2.1.0-cp311-cp311-linux_armv7l.whl", "not the name of a wheel")]
    [InlineData("numpy-2.1.0-cp311-cp311-linux_armv7l.whl\0.whl", "not the name of a wheel")]
    [InlineData("numpy-2.1.0.tar.gz", "not the name of a wheel")]
    [InlineData("..whl", "not the name of a wheel")]
    public void A_wheel_that_the_slave_cannot_have_made_is_refused(string filename, string reason)
    {
        var file = Slaves.File("numpy-2.1.0-cp311-cp311-linux_armv7l.whl") with { Filename = filename };
        if (WheelFileName.TryParse(filename, out _)) file = Slaves.File(filename);

        Assert.Contains(reason, Refusal(Slaves.Built(file)), StringComparison.Ordinal);
    }

    public static TheoryData<string, Func<FileState, FileState>> FalseClaims => new()
    {
        { "no bytes", file => file with { FileSize = 0 } },
        { "negative size", file => file with { FileSize = -1 } },
        { "huge size", file => file with { FileSize = FileClaim.FileSizeMax + 1 } },
        { "short hash", file => file with { FileHash = new string('a', 63) } },
        { "hash of other letters", file => file with { FileHash = new string('g', 64) } },
        { "package tag of another", file => file with { PackageTag = "scipy" } },
        { "version tag of another", file => file with { PackageVersionTag = "2.1.1" } },
        { "Python tag of another", file => file with { PyVersionTag = "cp313" } },
        { "ABI tag of another", file => file with { AbiTag = "none" } },
        { "platform tag of another", file => file with { PlatformTag = "any" } },
        { "long Requires-Python", file => file with { RequiresPython = new string('9', 201) } },
        { "NUL in Requires-Python", file => file with { RequiresPython = ">=3\0" } },
        { "unknown tool", file => With(file, "npm", "left-pad") },
        { "empty dependency", file => With(file, "apt", "") },
        { "long dependency", file => With(file, "apt", new string('a', 256)) },
        { "NUL in a dependency", file => With(file, "pip", "six\0") },
        { "line break in a dependency", file => With(file, "", "libx.so\n1") },
        { "too many dependencies", file => With(file, "apt", [.. Enumerable.Range(0, 2001).Select(i => $"lib{i}")]) },
    };

    [Theory]
    [MemberData(nameof(FalseClaims))]
    public void A_claim_that_cannot_be_true_is_refused(string what, Func<FileState, FileState> change)
    {
        Assert.NotEmpty(what);
        Assert.NotEmpty(Refusal(Slaves.Built(change(Slaves.File(Slaves.NumpyWheel)))));
    }

    [Fact]
    public void One_refused_file_refuses_the_build()
    {
        var good = Slaves.File(Slaves.NumpyWheel);

        Assert.NotEmpty(Refusal(Slaves.Built(good, Slaves.File("numpy-2.1.0-py3-none-any.whl", size: 0))));
        Assert.Contains("twice", Refusal(Slaves.Built(good, good)), StringComparison.Ordinal);
        Assert.Contains("too many", Refusal(Slaves.Built([.. Enumerable.Range(0, 51).Select(_ => good)])),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_success_without_files_counts_as_a_failure()
    {
        Assert.Contains("no wheel", Refusal(Slaves.Built()), StringComparison.Ordinal);
    }

    [Fact]
    public void A_failed_build_has_no_files_whatever_it_claims()
    {
        var evil = Slaves.File(Slaves.NumpyWheel) with { Filename = "../../evil" };
        var build = Check(new SlaveRequest.Built(Status: false, TimeSpan.FromSeconds(1), "error\n", [evil]));

        Assert.False(build.Status);
        Assert.Empty(build.Files);
        Assert.Equal("error\n", build.Output);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(8 * 24 * 3600)]
    public void A_duration_that_no_build_has_is_refused(int seconds)
    {
        var claim = Slaves.Built(Slaves.File(Slaves.NumpyWheel)) with { Duration = TimeSpan.FromSeconds(seconds) };
        var build = Check(claim);

        Assert.False(build.Status);
        Assert.Equal(TimeSpan.Zero, build.Duration);
    }

    [Fact]
    public void A_log_can_always_be_stored()
    {
        Assert.Equal("a\uFFFDb\n", Check(Slaves.Failed("a\0b\n")).Output);

        var snakes = string.Concat(Enumerable.Repeat("\U0001F40D", 6_000_000));
        var log = Check(Slaves.Failed($"head{snakes}tail")).Output;

        Assert.InRange(log.Length, BuiltCheck.LogLengthMax - 10, BuiltCheck.LogLengthMax + 200);
        Assert.StartsWith("head", log, StringComparison.Ordinal);
        Assert.EndsWith("tail", log, StringComparison.Ordinal);
        Assert.Contains("left out by the master", log, StringComparison.Ordinal);
        Assert.DoesNotContain("\uFFFD", System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(log)),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pp39-pypy39_pp73-linux_x86_64", "pypy39_pp73", true)]
    [InlineData("pp310-pypy39_pp73-linux_x86_64", "pypy39_pp73", false)]
    [InlineData("cp37-cp37m-linux_x86_64", "cp37m", true)]
    [InlineData("cp37-cp37-linux_x86_64", "cp37m", false)]
    [InlineData("cp313-cp313t-linux_x86_64", "cp313t", true)]
    [InlineData("py3-abi3-linux_x86_64", "cp311", false)]
    [InlineData("cp32-abi3-manylinux_2_17_x86_64", "cp311", true)]
    [InlineData("cp32-abi3-musllinux_1_2_x86_64", "cp311", false)]
    public void Interpreters_and_abis_go_together(string tag, string abi, bool plausible)
    {
        var parts = tag.Split('-');

        Assert.Equal(
            plausible,
            PlausibleTags.IsPlausible(new WheelTag(parts[0], parts[1], parts[2]), new Target(abi, "linux_x86_64")));
    }

    [Fact]
    public void The_reason_of_a_failure_is_what_its_log_ends_with()
    {
        var full = new BuildFailure(FailureClass.DiskFull, "no space");
        Assert.Equal(full, Check(Slaves.Failed(full.AppendTo("x\n"))).Failure);
        Assert.Equal(full, Check(Slaves.Failed(full.AppendTo(new string('x', BuiltCheck.LogLengthMax + 1)))).Failure);
        Assert.Null(Check(Slaves.Failed(full.AppendTo("x\n") + "and more\n")).Failure);
        Assert.Null(Check(Slaves.Built(Slaves.File(Slaves.NumpyWheel)) with { Output = full.AppendTo("") }).Failure);
    }

    [Fact]
    public void What_the_master_refuses_has_its_own_reason_whatever_the_slave_says()
    {
        var build = Check(Slaves.Built() with { Output = new BuildFailure(FailureClass.Network, "forged").AppendTo("x\n") });
        Assert.False(build.Status);
        Assert.Equal(new BuildFailure(FailureClass.BadWheel, "the master refused it: it made no wheel"), build.Failure);
        Assert.True(BuildFailure.TryReadEnd(build.Output, out var read));
        Assert.Equal(build.Failure, read);
    }

    private static BuildState Check(SlaveRequest.Built claim) =>
        BuiltCheck.Check(7, Slaves.Hello, Slaves.Numpy, claim);

    /// <summary>The reason at the end of the log of a build that must have been refused.</summary>
    private static string Refusal(SlaveRequest.Built claim)
    {
        var build = Check(claim);
        Assert.False(build.Status);
        Assert.Empty(build.Files);
        Assert.StartsWith(claim.Output, build.Output, StringComparison.Ordinal);
        return build.Output[claim.Output.Length..];
    }

    private static FileState With(FileState file, string tool, params string[] dependencies) => file with
    {
        Dependencies = new Dictionary<string, IReadOnlyList<string>> { [tool] = dependencies },
    };
}
