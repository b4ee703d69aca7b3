using Piwheels.Core.Packaging;
using Piwheels.Master;
using Piwheels.Master.Publishing;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Publishing;

/// <summary>TheSecretary and TheScribe together, as the master runs them.</summary>
public sealed class PublishingTests : IAsyncDisposable
{
    private static readonly PackageName Foo = PackageName.Parse("foo");

    private readonly TemporaryFolder _folder = new();
    private readonly TaskTestbed _bed = new();
    private readonly FakeDatabase _database;
    private readonly MasterConfiguration _configuration;

    public PublishingTests()
    {
        _database = new FakeDatabase(_bed.Time);
        _configuration = new MasterConfiguration { OutputPath = _folder.Path, FollowSelection = true };
    }

    public async ValueTask DisposeAsync()
    {
        await _bed.DisposeAsync();
        _folder.Dispose();
    }

    private RpcClient<SecretaryRequest, SecretaryReply> Start()
    {
        var asker = _bed.Task("asker");
        var client = asker.ConnectRpc<SecretaryRequest, SecretaryReply>(_configuration.WebQueue, TimeSpan.FromDays(1));
        foreach (var task in (TaskLoop[])
        [
            _bed.Add(new TheScribe(_configuration, _bed.Environment, _database)),
            _bed.Add(new TheSecretary(_configuration, _bed.Environment, _database)),
            asker,
        ]) task.Start();
        return client;
    }

    private async Task WrittenAsync() => await _bed.Log.WhenAsync(entry => entry.Message == "wrote Both of foo");

    [Fact]
    public async Task A_package_asked_for_is_soon_published()
    {
        await _database.AddNewPackageAsync(Foo);
        var secretary = Start();
        await secretary.AskAsync(new SecretaryRequest.Both(Foo)).Within();
        await secretary.AskAsync(new SecretaryRequest.Home()).Within();
        var written = WrittenAsync();
        _bed.Time.Advance(SiteFacts.SelectionDelay);
        await written;
        Assert.True(File.Exists(_folder["simple/foo/index.html"]));
        Assert.True(File.Exists(_folder["project/foo/index.html"]));
        Assert.Empty(await _database.LoadRewritesPendingAsync());
    }

    [Fact]
    public async Task Pages_that_were_owed_when_the_master_was_killed_are_written_after_its_start()
    {
        await _database.AddNewPackageAsync(Foo);
        _bed.Time.Advance(TimeSpan.FromDays(1));
        Start();
        await WrittenAsync();
        Assert.True(File.Exists(_folder["simple/foo/index.html"]));
        Assert.Empty(await _database.LoadRewritesPendingAsync());
    }
}
