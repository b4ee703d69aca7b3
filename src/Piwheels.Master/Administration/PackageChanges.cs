using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Protocols;
using Piwheels.Messaging.Tasks;

namespace Piwheels.Master.Administration;

/// <summary>
/// Carries out what people ask for: packages and versions added, changed, skipped, yanked and removed, pages written
/// again. Whatever stops half-way can be asked for again.
/// </summary>
/// <remarks>
/// Every method throws <see cref="DatabaseException"/> when the database is away, and <see cref="RpcException"/> when
/// a task that has to act first does not.
/// </remarks>
internal sealed partial class PackageChanges(
    IDatabase database,
    RpcClient<SecretaryRequest, SecretaryReply> secretary,
    RpcClient<SkipRequest, SkipReply> slaveDriver,
    TimeProvider time,
    ILogger logger)
{
    /// <summary>The longest description that the database holds, in characters.</summary>
    private const int DescriptionLengthMax = 200;

    // A spelling that somebody typed was seen nowhere, so that it never becomes the one that is shown
    private static readonly DateTimeOffset NeverSeen = DateTimeOffset.UnixEpoch;

    public Task<ImportReply> DoAsync(ImportRequest request) => request switch
    {
        ImportRequest.AddPackage add => AddAsync(add),
        ImportRequest.AddVersion add => AddAsync(add),
        ImportRequest.RemovePackage remove => RemovePackageAsync(remove.Package, remove.Builds, remove.Skip),
        ImportRequest.RemoveVersion remove => RemoveVersionAsync(
            remove.Package, remove.Version, remove.Builds, remove.Skip, remove.Yank),
        // The old form always removed the builds; with a reason, it kept the row to hold it
        ImportRequest.Remove { Version: { } version } remove => RemoveVersionAsync(
            remove.Package, version, builds: remove.Skip.Length > 0, remove.Skip, yank: false),
        ImportRequest.Remove remove => RemovePackageAsync(remove.Package, builds: remove.Skip.Length > 0, remove.Skip),
        ImportRequest.Rebuild rebuild => RebuildAsync(rebuild),
        _ => throw new InvalidOperationException($"{request.Name} is no change"),
    };

    private async Task<ImportReply> AddAsync(ImportRequest.AddPackage add)
    {
        var wrong = NameCheck.Package(add.Package, out var package)
            ?? NameCheck.Reason(add.Skip)
            ?? NameCheck.Aliases(package, add.Aliases);
        if (wrong is not null) return new ImportReply.Error(wrong);
        var description = Cut(add.Description);
        var added = await database.AddNewPackageAsync(package, add.Skip, description, RequestNumber.Next(time));
        if (!added)
        {
            if (add.Skip.Length > 0) return new ImportReply.Error("SKIPPKG");
            if (description.Length > 0) await database.SetPackageDescriptionAsync(package, description);
            if (add.Unskip) await database.SkipPackageAsync(package, "");
        }

        await AddNamesAsync(package, [add.Package, .. add.Aliases]);
        await RequestAsync(new SecretaryRequest.Both(package));
        return Done(added ? "NEWPKG" : "UPDPKG", package.Value);
    }

    private async Task<ImportReply> AddAsync(ImportRequest.AddVersion add)
    {
        var wrong = NameCheck.Release(add.Package, add.Version, out var release)
            ?? NameCheck.Reason(add.Skip)
            ?? NameCheck.Aliases(release.Package, add.Aliases);
        if (wrong is not null) return new ImportReply.Error(wrong);
        if (!await database.TestPackageAsync(release.Package)) return new ImportReply.Error("NOPKG");
        var added = await database.AddNewPackageVersionAsync(
            release, add.Released, add.Skip, RequestNumber.Next(time));
        if (added)
        {
            if (add.Yank) await database.YankVersionAsync(release);
        }
        else
        {
            if (add.Skip.Length > 0) return new ImportReply.Error("SKIPVER");
            if (add.Yank) return new ImportReply.Error("YANKVER");
            if (add.Unskip) await database.SkipPackageVersionAsync(release, "");
            if (add.Unyank) await database.UnyankVersionAsync(release);
        }

        await AddNamesAsync(release.Package, [add.Package, .. add.Aliases]);
        await RequestAsync(new SecretaryRequest.Both(release.Package));
        return Done(added ? "NEWVER" : "UPDVER", release.ToString());
    }

    private async Task AddNamesAsync(PackageName package, IEnumerable<string> names)
    {
        foreach (var name in names.Where(name => name != package.Value).Distinct(StringComparer.Ordinal))
            await database.AddPackageNameAsync(package, name, NeverSeen);
    }

    private async Task<ImportReply> RemovePackageAsync(string name, bool builds, string skip)
    {
        if ((NameCheck.Package(name, out var package) ?? NameCheck.Reason(skip)) is { } wrong)
        {
            return new ImportReply.Error(wrong);
        }

        if (!await database.TestPackageAsync(package)) return new ImportReply.Error("NOPKG");
        if (skip.Length == 0 && !builds)
        {
            await DeleteAsync(package);
            return Done("DELPKG", package.Value);
        }

        if (skip.Length > 0)
        {
            await database.SkipPackageAsync(package, skip);
            await slaveDriver.AskAsync(new SkipRequest.DeletePackage(package));
        }

        if (builds) await DeleteBuildsAsync(package);
        await RequestAsync(new SecretaryRequest.Both(package));
        return Done(skip.Length > 0 ? "SKIPPKG" : "DELPKGBLD", package.Value);
    }

    private async Task<ImportReply> RemoveVersionAsync(string name, string version, bool builds, string skip, bool yank)
    {
        if ((NameCheck.Release(name, version, out var release) ?? NameCheck.Reason(skip)) is { } wrong)
        {
            return new ImportReply.Error(wrong);
        }

        if (!await database.TestPackageVersionAsync(release)) return new ImportReply.Error("NOVER");
        if (skip.Length == 0 && !yank && !builds)
        {
            await DeleteAsync(release);
            return Done("DELVER", release.ToString());
        }

        if (skip.Length > 0)
        {
            await database.SkipPackageVersionAsync(release, skip);
            await slaveDriver.AskAsync(new SkipRequest.DeleteVersion(release));
        }

        if (yank) await database.YankVersionAsync(release);
        if (builds) await DeleteBuildAsync(release);
        await RequestAsync(new SecretaryRequest.Both(release.Package));
        return Done(skip.Length > 0 ? "SKIPVER" : yank ? "YANKVER" : "DELVERBLD", release.ToString());
    }

    // Nothing is built of it from here on, then its builds are dropped, its pages and files go, and its rows last, so
    // that a stop anywhere in between leaves what is needed to go on
    private async Task DeleteAsync(PackageName package)
    {
        await database.SkipPackageAsync(package, NameCheck.Deleted);
        await slaveDriver.AskAsync(new SkipRequest.DeletePackage(package));
        await secretary.AskAsync(new SecretaryRequest.DeletePackage(package));
        await database.DeletePackageAsync(package);
    }

    private async Task DeleteAsync(Release release)
    {
        await database.SkipPackageVersionAsync(release, NameCheck.Deleted);
        await slaveDriver.AskAsync(new SkipRequest.DeleteVersion(release));
        await secretary.AskAsync(new SecretaryRequest.DeleteVersion(release));
        await database.DeleteVersionAsync(release);
        await RequestAsync(new SecretaryRequest.Both(release.Package));
    }

    private async Task DeleteBuildsAsync(PackageName package)
    {
        var data = await database.GetProjectDataAsync(package);
        foreach (var version in data?.Versions ?? [])
        {
            if (version.Targets.Any(target => target.BuildId is not null))
                await DeleteBuildAsync(new Release(package, version.Version));
        }
    }

    private async Task DeleteBuildAsync(Release release)
    {
        await secretary.AskAsync(new SecretaryRequest.DeleteVersion(release));
        await database.DeleteBuildAsync(release);
    }

    private async Task<ImportReply> RebuildAsync(ImportRequest.Rebuild rebuild)
    {
        switch (rebuild.Scope)
        {
            case RebuildScope.Home:
                await secretary.AskAsync(new SecretaryRequest.Home());
                break;
            case RebuildScope.Search:
                await secretary.AskAsync(new SecretaryRequest.Search());
                break;
            default:
                if (await RebuildPagesAsync(rebuild.Scope, rebuild.Package) is not { } wrong) break;
                return new ImportReply.Error(wrong);
        }

        return Done("REBUILD", rebuild.Package ?? rebuild.Scope.ToString());
    }

    /// <returns>What is wrong with the name; null when the pages will be written.</returns>
    private async Task<string?> RebuildPagesAsync(RebuildScope scope, string? name)
    {
        if (name is null)
        {
            await RebuildAllAsync(scope);
            return null;
        }

        if (NameCheck.Package(name, out var package) is { } wrong) return wrong;
        if (!await database.TestPackageAsync(package)) return $"unknown package {package}";
        await secretary.AskAsync(Pages(scope, package));
        return null;
    }

    // Rows and no messages: a million of those would keep what happens now waiting, and be forgotten by a restart
    private async Task RebuildAllAsync(RebuildScope scope)
    {
        var command = scope == RebuildScope.Project ? RewriteCommand.Project : RewriteCommand.Both;
        PackageName? last = null;
        do last = await database.OweAllRewritesAsync(command, last);
        while (last is not null);
    }

    private static SecretaryRequest Pages(RebuildScope scope, PackageName package) =>
        scope == RebuildScope.Project ? new SecretaryRequest.Project(package) : new SecretaryRequest.Both(package);

    /// <summary>
    /// Asks for what is owed already, in the database or as a kept result, so that nothing is lost when nobody listens.
    /// </summary>
    /// <returns>Whether somebody did.</returns>
    public async Task<bool> RequestAsync(SecretaryRequest request)
    {
        try
        {
            await secretary.AskAsync(request);
            return true;
        }
        catch (RpcException failure)
        {
            PagesLate(logger, request.Name, failure.Message);
            return false;
        }
    }

    private ImportReply.Done Done(string what, string name)
    {
        Changed(logger, what, name);
        return new ImportReply.Done(what);
    }

    private static string Cut(string description)
    {
        var line = new string([.. description.Select(static c => char.IsControl(c) ? ' ' : c)]).Trim();
        if (line.Length <= DescriptionLengthMax) return line;
        var cut = line[..DescriptionLengthMax];
        return char.IsHighSurrogate(cut[^1]) ? cut[..^1] : cut;
    }

    [LoggerMessage(EventId = 20, Level = LogLevel.Information, Message = "{What}: {Name}")]
    private static partial void Changed(ILogger logger, string what, string name);

    [LoggerMessage(EventId = 21, Level = LogLevel.Warning,
        Message = "{Request} was not taken by the secretary, and the pages come later: {Reason}")]
    private static partial void PagesLate(ILogger logger, string request, string reason);
}
