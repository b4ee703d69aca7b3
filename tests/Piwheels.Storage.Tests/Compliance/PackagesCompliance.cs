using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Xunit;

namespace Piwheels.Storage.Tests.Compliance;

public sealed class PackagesDirect(ClusterFixture fixture) : PackagesCompliance<Direct>(fixture);

public abstract class PackagesCompliance<TAccess>(ClusterFixture fixture) : ComplianceTests<TAccess>(fixture)
    where TAccess : IDatabaseAccess
{
    [Fact]
    public async Task A_package_is_added_once()
    {
        Assert.True(await Db.AddNewPackageAsync(Foo, description: "Does foo"));
        Assert.False(await Db.AddNewPackageAsync(Foo, "bad", "Does bar"));
        Assert.Equal("Does foo", await Db.GetPackageDescriptionAsync(Foo));
        Assert.Equal("", await Db.GetPackageSkipAsync(Foo));
        Assert.Equal([Foo], await Db.GetAllPackagesAsync());
    }

    [Fact]
    public async Task A_version_is_added_once()
    {
        await RegisterAsync(Foo1);
        Assert.False(await Db.AddNewPackageVersionAsync(Foo1, LongAgo, "bad"));
        Assert.Equal("", await Db.GetVersionSkipAsync(Foo1));
        Assert.Equal([Foo1], await Db.GetAllPackageVersionsAsync());
    }

    [Fact]
    public async Task A_request_that_added_something_hears_so_again()
    {
        var (request, other) = (RequestNumber.Next(TimeProvider.System), RequestNumber.Next(TimeProvider.System));
        Assert.True(await Db.AddNewPackageAsync(Foo, request: request));
        Assert.True(await Db.AddNewPackageAsync(Foo, "bad", "", request));
        Assert.False(await Db.AddNewPackageAsync(Foo, request: other));
        Assert.True(await Db.AddNewPackageVersionAsync(Foo2, LongAgo, "", request));
        Assert.True(await Db.AddNewPackageVersionAsync(Foo2, LongAgo, "bad", request));
        Assert.False(await Db.AddNewPackageVersionAsync(Foo2, LongAgo, "", other));
        Assert.Equal(("", ""), (await Db.GetPackageSkipAsync(Foo), await Db.GetVersionSkipAsync(Foo2)));
    }

    [Fact]
    public async Task A_version_of_an_unknown_package_is_an_error()
    {
        var fault = await Assert.ThrowsAsync<DatabaseException>(() => Db.AddNewPackageVersionAsync(Foo1));
        Assert.False(fault.Transient);
        Assert.Contains("foo", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_text_too_long_is_an_error_and_adds_nothing()
    {
        await Assert.ThrowsAsync<DatabaseException>(() => Db.AddNewPackageAsync(Foo, new string('x', 101)));
        await Assert.ThrowsAsync<DatabaseException>(() => Db.AddNewPackageAsync(Foo, "", new string('x', 201)));
        Assert.False(await Db.TestPackageAsync(Foo));
    }

    [Fact]
    public async Task A_text_that_cannot_be_stored_is_an_error_and_the_next_call_works()
    {
        var fault = await Assert.ThrowsAsync<DatabaseException>(() => Db.AddNewPackageAsync(Foo, "", "a\0b"));
        Assert.False(fault.Transient);
        Assert.True(await Db.AddNewPackageAsync(Foo, "", "snake \ud83d\udc0d"));
        Assert.Equal("snake \ud83d\udc0d", await Db.GetPackageDescriptionAsync(Foo));
    }

    [Fact]
    public async Task Half_a_surrogate_pair_is_an_error_or_comes_to_be_a_replacement_character()
    {
        try
        {
            Assert.True(await Db.AddNewPackageAsync(Foo, "", "half a pair \ud83d"));
            Assert.Equal("half a pair \ufffd", await Db.GetPackageDescriptionAsync(Foo));
        }
        catch (DatabaseException fault)
        {
            Assert.False(fault.Transient);
        }
    }

    [Fact]
    public async Task What_is_unknown_answers_null_or_false()
    {
        Assert.False(await Db.TestPackageAsync(Foo));
        Assert.False(await Db.TestPackageVersionAsync(Foo1));
        Assert.Null(await Db.GetPackageDescriptionAsync(Foo));
        Assert.Null(await Db.GetPackageSkipAsync(Foo));
        Assert.Null(await Db.GetVersionSkipAsync(Foo1));
        Assert.Null(await Db.GetProjectDisplayNameAsync(Foo));
        Assert.Null(await Db.GetProjectDataAsync(Foo));
        Assert.Empty(await Db.GetPackageAliasesAsync(Foo));
        Assert.False(await Db.PackageMarkedDeletedAsync(Foo));
        Assert.Empty(await Db.GetVersionsDeletedAsync(Foo));
    }

    [Fact]
    public async Task A_package_is_displayed_in_the_spelling_seen_last()
    {
        await Db.AddNewPackageAsync(Foo);
        Assert.Equal("foo", await Db.GetProjectDisplayNameAsync(Foo));
        await Db.AddPackageNameAsync(Foo, "Foo", LongAgo);
        await Db.AddPackageNameAsync(Foo, "FOO", LongAgo.AddYears(1));
        Assert.Equal("FOO", await Db.GetProjectDisplayNameAsync(Foo));
        Assert.Equal(["FOO", "Foo"], await Db.GetPackageAliasesAsync(Foo));

        await Db.AddPackageNameAsync(Foo, "Foo", LongAgo.AddYears(2));
        Assert.Equal("Foo", await Db.GetProjectDisplayNameAsync(Foo));
        await Db.AddPackageNameAsync(Foo, "FOO", LongAgo);
        Assert.Equal("Foo", await Db.GetProjectDisplayNameAsync(Foo));
    }

    [Fact]
    public async Task A_name_that_is_no_spelling_of_the_package_is_an_error()
    {
        await Db.AddNewPackageAsync(Foo);
        await Assert.ThrowsAsync<DatabaseException>(() => Db.AddPackageNameAsync(Foo, "Bar", LongAgo));
        Assert.Empty(await Db.GetPackageAliasesAsync(Foo));
    }

    [Fact]
    public async Task What_is_marked_as_deleted_is_told()
    {
        await RegisterAsync(Foo1, Foo2);
        await Db.SkipPackageVersionAsync(Foo2, "deleted");
        await Db.SkipPackageVersionAsync(Foo1, "too big");
        Assert.Equal(["2.0"], await Db.GetVersionsDeletedAsync(Foo));
        Assert.Equal("too big", await Db.GetVersionSkipAsync(Foo1));
        Assert.False(await Db.PackageMarkedDeletedAsync(Foo));
        await Db.SkipPackageAsync(Foo, "deleted");
        Assert.True(await Db.PackageMarkedDeletedAsync(Foo));
        await Db.SkipPackageAsync(Foo, "");
        Assert.False(await Db.PackageMarkedDeletedAsync(Foo));
    }

    [Fact]
    public async Task A_deleted_package_leaves_nothing_but_its_downloads()
    {
        await AddTargetsAsync(Cp39);
        await RegisterAsync(Foo1, Foo2, new Release(Bar, "1.0"));
        await Db.LogBuildAsync(Built(Foo1, Cp39, Wheel(Foo1, "cp39-cp39-linux_armv7l", 'a', ("apt", "libc6"))));
        await Db.DeletePackageAsync(Foo);

        Assert.Equal([Bar], await Db.GetAllPackagesAsync());
        Assert.Equal("cp39: bar 1.0", await QueueAsync());
        Assert.Equal("bar Both", await OwedAsync());
        Assert.Empty(await Db.GetAllBuildIdsAsync());
        Assert.Equal(["0"], await Store.ColumnAsync("SELECT count(*) FROM dependencies"));
    }

    [Fact]
    public async Task A_deleted_version_takes_its_builds_along()
    {
        await AddTargetsAsync(Cp39);
        await RegisterAsync(Foo1, Foo2);
        await Db.LogBuildAsync(Built(Foo1, Cp39, "py3-none-any"));
        var kept = await Db.LogBuildAsync(Built(Foo2, Cp39, "py3-none-any"));
        await WritePagesAsync();
        await Db.DeleteVersionAsync(Foo1);

        Assert.Equal([Foo2], await Db.GetAllPackageVersionsAsync());
        Assert.Equal([kept], await Db.GetAllBuildIdsAsync());
        Assert.Equal(["foo-2.0-py3-none-any.whl"], (await Db.GetPackageFilesAsync(Foo)).Keys);
        Assert.Equal("foo Both", await OwedAsync());
    }

    [Fact]
    public async Task A_yank_is_set_and_lifted()
    {
        await RegisterAsync(Foo1);
        await Db.YankVersionAsync(Foo1);
        Assert.True((await Db.GetProjectDataAsync(Foo))!.Versions.Single().Yanked);
        await Db.UnyankVersionAsync(Foo1);
        Assert.False((await Db.GetProjectDataAsync(Foo))!.Versions.Single().Yanked);
    }

    [Fact]
    public async Task The_serial_goes_on_and_never_back()
    {
        Assert.Equal(0, await Db.GetPypiSerialAsync());
        await Db.SetPypiSerialAsync(35_000_000_000);
        await Db.SetPypiSerialAsync(35_000_000_000);
        await Assert.ThrowsAsync<DatabaseException>(() => Db.SetPypiSerialAsync(34_999_999_999));
        Assert.Equal(35_000_000_000, await Db.GetPypiSerialAsync());
    }
}
