using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Master.Packages;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;
using Piwheels.Pages;

namespace Piwheels.Master.Publishing;

/// <summary>
/// Writes the pages: asks the database what they say, and has the output folder say it. Works for TheSecretary alone,
/// who has it try again what fails: a database that is away and a full disk are told of as transient.
/// </summary>
public sealed partial class TheScribe : TaskLoop
{
    /// <summary>How many requests are worked on at a time; those for one package one after the other.</summary>
    public const int RequestsMax = 16;

    /// <summary>How old the downloads in the search index may become.</summary>
    public static readonly TimeSpan SearchAgeMax = TimeSpan.FromMinutes(15);

    // The search index holds every package: writing it shall take no more than a small part of the time
    private const int SearchRestFactor = 60;

    private readonly IDatabase _database;
    private readonly bool _armv6Alias;
    private readonly PagesOfPackage _packagePages;
    private readonly PackageRemoval _removal;
    private readonly Site _site;
    private readonly SitePages _sitePages;
    private readonly RootIndex _root;
    private readonly RecipeShelf _recipes;
    private readonly Turns<PackageName> _turns = new();
    private Task? _preparation;
    private (SearchIndex Index, string Mark) _search = (SearchIndex.Empty, "");
    private PackageList? _searchedList;
    private DateTimeOffset _searchedAt;
    private DateTimeOffset _nextSearch;

    public TheScribe(
        MasterConfiguration configuration, TaskEnvironment environment, IDatabase? database = null,
        RecipeShelf? recipes = null)
        : base("the_scribe", environment)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        database ??= new DbClient(ConnectRpc<DbRequest, DbReply>(configuration.DbQueue), Time, Ending);
        _database = database;
        _armv6Alias = configuration.Armv6Alias;
        var folder = new SiteFolder(configuration.OutputPath);
        var files = new WholeFile(configuration.FlushPages);
        var site = _site = SiteFacts.SiteOf(configuration);
        _packagePages = new PagesOfPackage(folder, files, site, Logger);
        _removal = new PackageRemoval(folder, Logger);
        _sitePages = new SitePages(folder, files, site);
        _root = new RootIndex(folder, files);
        _recipes = recipes ?? RecipeShelf.Open("", Logger);
        BindRpc<ScribeRequest, ScribeReply>(MasterConfiguration.ScribeQueue, HandleAsync, RequestsMax);
        Every(SiteFacts.DelayOf(configuration), RefreshListsAsync);
    }

    protected override async Task OnceAsync()
    {
        try
        {
            await PrepareAsync();
        }
        catch (RpcException failure)
        {
            NotPrepared(Logger, failure.Message);
        }
    }

    protected override Task CloseAsync() => RefreshListsAsync();

    private async Task<ScribeReply> HandleAsync(ScribeRequest request)
    {
        await PrepareAsync();
        await (request switch
        {
            ScribeRequest.Home => WriteHomeAsync(),
            ScribeRequest.Search => WriteSearchAsync(),
            ScribeRequest.Project project =>
                InTurnAsync(project.Package, () => WriteAsync(project.Package, RewriteCommand.Project)),
            ScribeRequest.Both both => InTurnAsync(both.Package, () => WriteAsync(both.Package, RewriteCommand.Both)),
            ScribeRequest.Log log => OnDiskAsync(() => _sitePages.WriteLog(log.BuildId, log.Package, log.Text)),
            ScribeRequest.DeletePackage gone => InTurnAsync(gone.Package, () => DeletePackageAsync(gone.Package)),
            ScribeRequest.DeleteVersion gone =>
                InTurnAsync(gone.Release.Package, () => DeleteVersionAsync(gone.Release)),
            _ => throw new ArgumentException($"{request.Name} is not for this task", nameof(request)),
        });
        return new ScribeReply.Done();
    }

    private Task InTurnAsync(PackageName package, Func<Task> work) => _turns.TakeAsync(package, work);

    private async Task WriteAsync(PackageName package, RewriteCommand command)
    {
        if (await _database.GetProjectDataAsync(package) is not { } data)
        {
            // Deleted since it was asked for. Whatever lies on the disk is not for a page writer to judge
            PackageUnknown(Logger, package);
            return;
        }

        var view = await ViewAsync(data);
        if (view.IsDeleted) await RemoveAsync(package, data.Aliases);
        else await WritePagesAsync(view, command);
        await _database.RewriteDoneAsync(package, command, data.Revision);
        PagesWritten(Logger, package, command);
    }

    private async Task<PackageView> ViewAsync(ProjectData data)
    {
        var view = PackageView.Of(data, _armv6Alias);
        if (_recipes.Book.IsEmpty) return view;
        return view with
        {
            Recipes = [.. _recipes.Book.SectionsOf(data.Package)],
            Held = await _database.GetHeldBuildsAsync(data.Package),
        };
    }

    private async Task WritePagesAsync(PackageView view, RewriteCommand command)
    {
        await OnDiskAsync(async () =>
        {
            // The index first: it is what installers wait for
            if (command == RewriteCommand.Both) _packagePages.WriteSimple(view);
            await _packagePages.WriteProjectAsync(view);
        });
        if (command == RewriteCommand.Both) _root.Add(view.Package);
    }

    private async Task DeletePackageAsync(PackageName package)
    {
        await OweAsync(package);
        await RemoveAsync(package, await _database.GetPackageAliasesAsync(package));
    }

    // What goes is in the database still. Whoever is killed before its rows go owes the pages as they are then
    private Task OweAsync(PackageName package) =>
        _database.SaveRewritesPendingAsync([new RewritePending(package, Now, RewriteCommand.Both)]);

    private async Task RemoveAsync(PackageName package, IReadOnlyList<string> aliases)
    {
        await OnDiskAsync(() => _removal.RemovePackage(package, aliases));
        _root.Remove(package);
    }

    // Comes before the rows go, and may come again after: what the database still says of the version is left out
    private async Task DeleteVersionAsync(Release release)
    {
        await OweAsync(release.Package);
        var files = await _database.GetVersionFilesAsync(release);
        var data = await _database.GetProjectDataAsync(release.Package);
        if (data is not null)
        {
            // First out of the index, so that nobody is led to a file that is gone
            await WritePagesAsync((await ViewAsync(data)).Without(release.Version), RewriteCommand.Both);
        }

        await OnDiskAsync(() => _removal.RemoveVersion(release, files));
    }

    private async Task WriteHomeAsync()
    {
        var page = new StatisticsPage(_site, await _database.GetStatisticsAsync(), Now)
        {
            History = await _database.GetHistoryAsync(),
            Queue = await _database.GetBuildQueueLengthsAsync(),
        };
        var builds = await _database.GetNewBuildsAsync(NewBuildsFeed.EntriesMax);
        await OnDiskAsync(async () =>
        {
            await _sitePages.WriteStatisticsAsync(page);
            _sitePages.WriteFeed(builds);
        });
    }

    private async Task WriteSearchAsync()
    {
        var changes = await _database.GetSearchChangesAsync(_search.Mark);
        var index = _search.Index.With(changes);
        await OnDiskAsync(() => _sitePages.WriteSearch(index));
        _search = (index, changes.Mark);
        SearchWritten(Logger, index.Count);
    }

    /// <summary>Writes the lists of all packages, once for all that came and went since the last time.</summary>
    private async Task RefreshListsAsync()
    {
        try
        {
            await PrepareAsync();
            var list = _root.Settle();
            if (_root.IsDirty)
            {
                await OnDiskAsync(() => _root.Write(list));
                _root.Written(list);
                ListsWritten(Logger, list.Count);
            }

            await RefreshSearchAsync(list);
        }
        catch (DatabaseException away) when (away.Transient)
        {
            ListsNotWritten(Logger, LogLevel.Debug, away.Message);
        }
        catch (Exception failure) when (failure is RpcException or DatabaseException)
        {
            ListsNotWritten(Logger, LogLevel.Warning, failure.Message);
        }
    }

    private async Task RefreshSearchAsync(PackageList list)
    {
        var start = Now;
        if (start < _nextSearch || (_searchedList == list && start < _searchedAt + SearchAgeMax)) return;
        await WriteSearchAsync();
        _searchedList = list;
        _searchedAt = start;
        _nextSearch = Now + ((Now - start) * SearchRestFactor);
    }

    // Again with each request as long as it fails: then the disk is full, or the folder not ours
    private async Task PrepareAsync()
    {
        _preparation ??= OnDiskAsync(async () =>
        {
            await _sitePages.WriteFixedAsync();
            _root.Load();
        });
        try
        {
            await _preparation;
        }
        catch (RpcException)
        {
            _preparation = null;
            throw;
        }
    }

    private static Task OnDiskAsync(Action work) => OnDiskAsync(() =>
    {
        work();
        return Task.CompletedTask;
    });

    /// <summary>
    /// Works upon a thread of the pool, so that a slow disk does not keep the other requests waiting.
    /// </summary>
    private static async Task OnDiskAsync(Func<Task> work)
    {
        try
        {
            await Task.Run(work);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new RpcException(failure.Message, transient: true, failure);
        }
    }

    [LoggerMessage(EventId = 10, Level = LogLevel.Error, Message = "the output folder cannot be prepared: {Reason}")]
    private static partial void NotPrepared(ILogger logger, string reason);

    [LoggerMessage(EventId = 11, Level = LogLevel.Debug, Message = "wrote {Command} of {Package}")]
    private static partial void PagesWritten(ILogger logger, PackageName package, RewriteCommand command);

    [LoggerMessage(EventId = 12, Level = LogLevel.Information,
        Message = "no pages of {Package}: the database does not know it")]
    private static partial void PackageUnknown(ILogger logger, PackageName package);

    [LoggerMessage(EventId = 14, Level = LogLevel.Debug, Message = "wrote the list of {Count} packages")]
    private static partial void ListsWritten(ILogger logger, int count);

    [LoggerMessage(EventId = 15, Level = LogLevel.Debug, Message = "wrote the search index of {Count} packages")]
    private static partial void SearchWritten(ILogger logger, int count);

    [LoggerMessage(EventId = 13, Message = "the lists of all packages are not written: {Reason}")]
    private static partial void ListsNotWritten(ILogger logger, LogLevel level, string reason);
}
