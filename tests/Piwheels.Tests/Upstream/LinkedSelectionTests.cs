using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Upstream;

/// <summary>A selection of packages that upstream has wheels of, and maybe no source file.</summary>
public sealed class LinkedSelectionTests
{
    private static readonly PackageName Lib = PackageName.Parse("lib");

    [Fact]
    public async Task A_package_without_a_source_file_is_had_where_upstreams_wheels_are_listed_and_not_elsewhere()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            folder.AddSdist("app", "1.0");
            folder.AddWheel("app", "1.0", null, "", "lib");
            folder.AddWheel("lib", "2.0", null, "A wheel and nothing else", "deep");
            folder.AddSdist("deep", "1.0");
        });
        await bed.SelectAsync("app");
        await bed.FollowAsync();
        Assert.Equal(
            [
                "app resolved 1.0",
                "lib unmatched: app 1.0 needs lib: 2.0, the only version that satisfies, has no source file (dependency)",
            ],
            await bed.EntriesAsync());

        await SetPolicyAsync(bed, UpstreamPolicy.Link);
        await bed.FollowAsync();
        Assert.Equal(
            ["app resolved 1.0", "deep resolved 1.0 (dependency)", "lib resolved 2.0 (dependency)"],
            await bed.EntriesAsync());
        await bed.ReadUpstreamAsync();
        var version = Assert.Single((await bed.Database.GetProjectDataAsync(Lib))!.Versions);
        Assert.Equal("lib-2.0-py3-none-any.whl", Assert.Single(version.Linked).Filename);
        Assert.Equal([TargetState.Linked, TargetState.Linked], version.Targets.Select(target => target.State));
        Assert.Equal("A wheel and nothing else", await bed.Database.GetPackageDescriptionAsync(Lib));
        Assert.DoesNotContain(
            (await bed.Database.GetBuildQueueAsync()).Values.SelectMany(releases => releases),
            release => release.Package == Lib);
        Assert.Empty(await bed.Database.GetUpstreamOwedAsync(10));

        await SetPolicyAsync(bed, UpstreamPolicy.Defer);
        await bed.FollowAsync();
        Assert.Contains(await bed.EntriesAsync(), entry => entry.StartsWith("lib unmatched", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Each_target_gets_the_newest_version_that_it_has_a_wheel_or_a_source_file_of()
    {
        await using var bed = await SelectionBed.StartAsync(folder =>
        {
            folder.AddSdist("lib", "1.0");
            folder.AddWheel("lib", "2.0", ">=3.10");
        });
        bed.Database.SetPolicy(UpstreamPolicy.Link);
        await bed.SelectAsync("lib");
        await bed.FollowAsync();
        Assert.Equal(["lib resolved 1.0, 2.0"], await bed.EntriesAsync());
        await bed.ReadUpstreamAsync();
        Assert.Equal([new Release(Lib, "1.0")], (await bed.Database.GetBuildQueueAsync())[SelectionBed.Cp39]);
    }

    [Theory]
    [InlineData("manylinux_2_31_armv7l", "2.31", true)]
    [InlineData("manylinux_2_31_armv7l", "2.28", false)]
    [InlineData("manylinux_2_31_armv7l", null, false)]
    [InlineData("manylinux2014_armv7l", null, true)]
    [InlineData("manylinux2014_armv7l", "none", false)]
    [InlineData("manylinux2014_aarch64", "2.36", false)]
    public void A_wheel_does_for_a_source_file_where_it_runs(string platform, string? library, bool runs)
    {
        Glibc? glibc = Glibc.TryParse(library, out var known) ? known : null;
        var row = new TargetRow(SelectionBed.Cp311, "", glibc);
        var file = new IndexFile(
            $"lib-1.0-cp311-cp311-{platform}.whl", new Uri("https://files.example/lib.whl"), new string('a', 64));
        var release = Assert.Single(IndexRelease.Of(Lib, new IndexPage([file], null, null)));
        var linked = ListedWheels.Linked(release, [row]);
        Assert.Equal(runs ? [row.Target] : [], linked.LinkedOn!);
        var choice = SelectionResolver.Choose([linked], SpecifierSet.Parse(""), [row.Target]);
        if (runs) Assert.IsType<SelectionChoice.Chosen>(choice);
        else Assert.Equal(
            "1.0, the only version that satisfies, has no source file, and no wheel that runs here",
            Assert.IsType<SelectionChoice.None>(choice).Reason);
    }

    [Fact]
    public void A_wheel_that_cannot_be_listed_does_not_count()
    {
        var row = new TargetRow(SelectionBed.Cp311, "");
        var file = new IndexFile("lib-1.0-py3-none-any.whl", new Uri("https://files.example/lib.whl"));
        var release = Assert.Single(IndexRelease.Of(Lib, new IndexPage([file], null, null)));
        Assert.Empty(ListedWheels.Linked(release, [row]).LinkedOn!);
        release = Assert.Single(IndexRelease.Of(Lib, new IndexPage([file with { Sha256 = new string('a', 64) }], null, null)));
        Assert.Equal([row.Target], ListedWheels.Linked(release, [row]).LinkedOn!);
    }

    private static Task SetPolicyAsync(SelectionBed bed, UpstreamPolicy policy)
    {
        bed.Database.SetPolicy(policy);
        bed.Index.Time.Advance(PolicyWatch.FreshTime);
        return Task.CompletedTask;
    }
}
