using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Piwheels.Core.Database;
using Piwheels.Master.Publishing;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Publishing;

public sealed class Armv6AliasTests : IDisposable
{
    private const string Real = "foo-1.0-cp311-cp311-linux_armv7l.whl";
    private const string Alias = "foo-1.0-cp311-cp311-linux_armv6l.whl";
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private IReadOnlyList<string> Listed(bool alias, params ProjectFile[] files)
    {
        var pages = new PagesOfPackage(new SiteFolder(_folder.Path), new WholeFile(false), Sample.Site(),
            NullLogger.Instance);
        pages.WriteSimple(PackageView.Of(Sample.Project("foo", Sample.Version("1.0", files)), alias));
        using var index = JsonDocument.Parse(File.ReadAllBytes(_folder["simple/foo/index.v1_json"]));
        return
        [
            .. index.RootElement.GetProperty("files").EnumerateArray()
                .Select(file => $"{file.GetProperty("filename")} {file.GetProperty("hashes").GetProperty("sha256")}"),
        ];
    }

    [Fact]
    public void A_wheel_for_armv7_is_listed_for_armv6_too()
    {
        var wheel = Sample.WriteWheel(_folder, Real);
        Assert.Equal([$"{Alias} {wheel.FileHash}", $"{Real} {wheel.FileHash}"], Listed(true, wheel));
        Assert.Equal(Real, new FileInfo(_folder[$"simple/foo/{Alias}"]).LinkTarget);
        Assert.True(File.Exists(_folder[$"simple/foo/{Alias}.metadata"]));
    }

    [Fact]
    public void Without_the_setting_it_is_not()
    {
        var wheel = Sample.WriteWheel(_folder, Real);
        Assert.Equal([$"{Real} {wheel.FileHash}"], Listed(false, wheel));
        Assert.False(File.Exists(_folder[$"simple/foo/{Alias}"]));
    }

    [Fact]
    public void A_real_wheel_for_armv6_stays_itself()
    {
        var wheel = Sample.WriteWheel(_folder, Real);
        var own = Sample.WriteWheel(_folder, Alias, "License: own");
        Assert.Equal([$"{Alias} {own.FileHash}", $"{Real} {wheel.FileHash}"], Listed(true, wheel, own));
        Assert.Null(new FileInfo(_folder[$"simple/foo/{Alias}"]).LinkTarget);
    }

    [Fact]
    public void A_wheel_for_armv6_is_never_listed_for_armv7()
    {
        var own = Sample.WriteWheel(_folder, Alias);
        Assert.Equal([$"{Alias} {own.FileHash}"], Listed(true, own));
    }
}
