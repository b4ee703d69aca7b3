using Piwheels.Master;
using Piwheels.Master.Administration;
using Piwheels.Messaging.Protocols;
using Piwheels.Testing;

namespace Piwheels.EndToEnd.Tests;

/// <summary>
/// What asks MrChase over a real import queue: with rows in memory, and others that say yes to whatever MrChase asks of
/// them.
/// </summary>
public abstract class ImportQueueTests : IAsyncDisposable
{
    protected ImportQueueTests()
    {
        Queue = Bed.Ipc("import");
        var environment = Bed.Environment with { Time = TimeProvider.System };
        var configuration = new MasterConfiguration { ImportQueue = Queue, OutputPath = Bed.Folder };
        var others = Bed.Add(new ScriptedTask("others", environment));
        others.BindRpc<SecretaryRequest, SecretaryReply>(
            configuration.WebQueue, request =>
            {
                lock (_pages) _pages.Add(PagesOf(request));
                return Task.FromResult<SecretaryReply>(new SecretaryReply.Done());
            });
        others.BindRpc<SkipRequest, SkipReply>(
            MasterConfiguration.SkipQueue, _ => Task.FromResult<SkipReply>(new SkipReply.Ok()));
        others.BindRpc<FsRequest, FsReply>(configuration.FsQueue, _ => Task.FromResult<FsReply>(new FsReply.Ok()));
        others.Start();
        Bed.Add(new MrChase(configuration, environment, Rows)).Start();
    }

    private readonly List<string> _pages = [];

    protected TaskTestbed Bed { get; } = new();

    /// <summary>The pages that were asked for.</summary>
    protected IReadOnlyList<string> Pages
    {
        get
        {
            lock (_pages) return [.. _pages];
        }
    }

    protected FakeDatabase Rows { get; } = new(TimeProvider.System);

    /// <summary>The queue's address.</summary>
    protected string Queue { get; }

    private static string PagesOf(SecretaryRequest request) => request switch
    {
        SecretaryRequest.Project(var package) => $"PROJECT {package}",
        SecretaryRequest.Both(var package) => $"BOTH {package}",
        _ => request.Name,
    };

    public async ValueTask DisposeAsync()
    {
        await Bed.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}
