using Piwheels.Core.Packaging;
using Piwheels.Master.Building;
using Xunit;

namespace Piwheels.Tests.Building;

public sealed class PendingBuildsTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static readonly Target Cp311 = new("cp311", "linux_armv7l");
    private static readonly Target Cp313 = new("cp313", "linux_armv7l");
    private static readonly Release Numpy = new(PackageName.Parse("numpy"), "2.1.0");
    private static readonly Release NumpyOld = new(PackageName.Parse("numpy"), "1.26.4");
    private static readonly Release Six = new(PackageName.Parse("six"), "1.16.0");

    private readonly PendingBuilds _builds = new();

    [Fact]
    public void Releases_are_handed_out_in_order_and_per_target()
    {
        Push((Cp311, [Numpy, Six]), (Cp313, [Six]));

        Assert.Equal(Numpy, Take(Cp311, Start));
        Assert.Equal(Six, Take(Cp311, Start));
        Assert.Null(Take(Cp311, Start));
        Assert.Equal(Six, Take(Cp313, Start));
        Assert.Null(Take(new Target("cp311", "linux_x86_64"), Start));
    }

    [Fact]
    public void A_push_replaces_the_queues_of_all_targets()
    {
        Push((Cp311, [Numpy]), (Cp313, [Six]));
        Push((Cp311, [NumpyOld]));

        Assert.Equal(NumpyOld, Take(Cp311, Start));
        Assert.Null(Take(Cp313, Start));
    }

    [Fact]
    public void A_release_that_is_being_built_is_not_handed_out_again_for_its_target_by_a_new_push()
    {
        Push((Cp311, [Numpy]));
        Take(Cp311, Start);

        Push((Cp311, [Numpy, Six]), (Cp313, [Numpy]));

        Assert.True(_builds.IsActive(Cp311, Numpy));
        Assert.Equal(Six, Take(Cp311, Start));
        Assert.Equal(Numpy, Take(Cp313, Start));
    }

    [Fact]
    public void A_finished_release_is_held_back_from_a_stale_push_and_not_for_ever()
    {
        Push((Cp311, [Numpy]));
        Take(Cp311, Start);
        _builds.Finished(Cp311, Numpy, Start);

        Push((Cp311, [Numpy]));

        Assert.Null(Take(Cp311, Start + PendingBuilds.StalePushMax - TimeSpan.FromSeconds(1)));
        Assert.Equal(Numpy, Take(Cp311, Start + PendingBuilds.StalePushMax));
    }

    [Fact]
    public void A_finished_release_never_comes_back_without_a_push()
    {
        Push((Cp311, [Numpy]));
        Take(Cp311, Start);
        _builds.Finished(Cp311, Numpy, Start);

        Assert.Null(Take(Cp311, Start + TimeSpan.FromDays(1)));
    }

    [Fact]
    public void A_lost_build_comes_back_without_a_push_after_a_pause_that_doubles()
    {
        Push((Cp311, [Numpy]));
        var now = Start;
        foreach (var minutes in new[] { 1, 2, 4, 8 })
        {
            Assert.Equal(Numpy, Take(Cp311, now));
            _builds.Lost(Cp311, Numpy, now);
            Assert.Null(Take(Cp311, now + TimeSpan.FromMinutes(minutes) - TimeSpan.FromSeconds(1)));
            now += TimeSpan.FromMinutes(minutes);
        }

        Assert.Equal(Numpy, Take(Cp311, now));
    }

    [Fact]
    public void A_lost_build_keeps_its_place_before_those_behind_it()
    {
        Push((Cp311, [NumpyOld, Numpy, Six]));
        Take(Cp311, Start);
        Take(Cp311, Start);
        _builds.Lost(Cp311, NumpyOld, Start);
        var later = Start + PendingBuilds.LostPauseMin;

        Assert.Equal(NumpyOld, Take(Cp311, later));
        Assert.Equal(Six, Take(Cp311, later));
        Assert.Null(Take(Cp311, later));
    }

    [Fact]
    public void What_one_may_not_have_keeps_its_place_for_others()
    {
        Push((Cp311, [Numpy, Six]));

        Assert.True(_builds.TryTake(Cp311, Start, out var first, release => release != Numpy));
        Assert.Equal(Six, first);
        Assert.Equal(Numpy, Take(Cp311, Start));
    }

    [Fact]
    public void How_many_are_built_at_most_for_one_target_follows_what_begins_and_ends()
    {
        Push((Cp311, [Numpy, Six]), (Cp313, [Numpy]));
        Take(Cp311, Start);
        Take(Cp313, Start);
        Assert.Equal(1, _builds.MostActive);
        Take(Cp311, Start);
        Assert.Equal(2, _builds.MostActive);

        _builds.Finished(Cp311, Numpy, Start);
        _builds.Lost(Cp311, Six, Start);
        Assert.Equal(1, _builds.MostActive);
        _builds.Finished(Cp313, Numpy, Start);
        Assert.Equal(0, _builds.MostActive);
    }

    [Fact]
    public void The_pause_after_losses_has_a_limit()
    {
        Push((Cp311, [Numpy]));
        var now = Start;
        for (var i = 0; i < 100; i++)
        {
            Assert.Equal(Numpy, Take(Cp311, now));
            _builds.Lost(Cp311, Numpy, now);
            now += PendingBuilds.LostPauseMax;
        }
    }

    [Fact]
    public void A_deleted_package_leaves_the_queue_and_a_stale_push_does_not_bring_it_back()
    {
        Push((Cp311, [Numpy, NumpyOld, Six]));
        _builds.Exclude(Numpy.Package, Start);

        Assert.True(_builds.IsExcluded(NumpyOld, Start));
        Assert.Equal(Six, Take(Cp311, Start));
        Push((Cp311, [Numpy]));
        Assert.Null(Take(Cp311, Start + TimeSpan.FromSeconds(100)));
    }

    [Fact]
    public void A_package_that_comes_back_after_its_deletion_is_built_again()
    {
        _builds.Exclude(Numpy.Package, Start);
        Push((Cp311, [Numpy]));

        Assert.Equal(Numpy, Take(Cp311, Start + PendingBuilds.StalePushMax));
        Assert.False(_builds.IsExcluded(Numpy, Start + PendingBuilds.StalePushMax));
    }

    [Fact]
    public void A_deleted_version_leaves_the_others_of_its_package()
    {
        Push((Cp311, [Numpy, NumpyOld]), (Cp313, [Numpy]));
        _builds.Exclude(Numpy, Start);

        Assert.Equal(NumpyOld, Take(Cp311, Start));
        Assert.Null(Take(Cp313, Start));
        Assert.True(_builds.IsExcluded(Numpy, Start));
        Assert.False(_builds.IsExcluded(NumpyOld, Start));
    }

    [Fact]
    public void What_is_remembered_of_the_past_does_not_grow_for_ever()
    {
        var now = Start;
        for (var i = 0; i < 100_000; i++)
        {
            now += TimeSpan.FromSeconds(1);
            _builds.Finished(Cp311, new Release(Numpy.Package, $"1.{i}"), now);
            _builds.Exclude(new Release(Numpy.Package, $"2.{i}"), now);
        }

        Assert.InRange(_builds.Remembered, 1, 5_000);
    }

    [Fact]
    public void The_lengths_leave_out_what_is_being_built()
    {
        Push((Cp311, [Numpy, Six]), (Cp313, []));
        Take(Cp311, Start);

        Assert.Equal(1, _builds.Lengths[Cp311]);
        Assert.Equal(0, _builds.Lengths[Cp313]);
    }

    private void Push(params (Target Target, Release[] Releases)[] queues) =>
        _builds.Replace(queues.Select(
            static queue => KeyValuePair.Create(queue.Target, (IReadOnlyList<Release>)queue.Releases)));

    private Release? Take(Target target, DateTimeOffset now) =>
        _builds.TryTake(target, now, out var release) ? release : null;
}
