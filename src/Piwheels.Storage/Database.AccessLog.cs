using System.Net;
using Npgsql;
using Piwheels.Core.AccessLog;
using Piwheels.Core.Database;
using Piwheels.Core.States;

namespace Piwheels.Storage;

/// <summary>A month of raw hits of one kind, by the name of its table, and the bytes that it takes on disk.</summary>
public sealed record HitMonth(string Hits, DateOnly Month, long Bytes);

/// <content>Functions of 60_access_log.sql.</content>
public sealed partial class Database
{
    public async Task<int> LogAccessAsync(IReadOnlyList<AccessState> accesses, Guid? request = null)
    {
        ArgumentNullException.ThrowIfNull(accesses);
        var batch = new Batch([.. accesses.Select(Storable.Of).OfType<Storable>()], request);
        return await LogInstallersAsync<DownloadState>("log_downloads", batch, d => d.Filename, d => d.Installer)
            + await LogInstallersAsync<SearchState>("log_searches", batch, s => s.Package, s => s.Installer)
            + await LogReadersAsync<ProjectState>("log_project_hits", batch, p => p.Package, p => p.UserAgent)
            + await LogReadersAsync<JsonState>("log_json_downloads", batch, j => j.Package, j => j.UserAgent)
            + await LogReadersAsync<PageState>("log_page_hits", batch, p => p.Page, p => p.UserAgent);
    }

    public Task<bool> LogDownloadAsync(DownloadState download, Guid? request = null) =>
        LogInstallerAsync("log_download", download, download.Filename, download.Installer, request);

    public Task<bool> LogSearchAsync(SearchState search, Guid? request = null) =>
        LogInstallerAsync("log_search", search, search.Package, search.Installer, request);

    public Task<bool> LogProjectAsync(ProjectState hit, Guid? request = null) =>
        LogReaderAsync("log_project", hit, hit.Package, hit.UserAgent, request);

    public Task<bool> LogJsonAsync(JsonState hit, Guid? request = null) =>
        LogReaderAsync("log_json", hit, hit.Package, hit.UserAgent, request);

    public Task<bool> LogPageAsync(PageState hit, Guid? request = null) =>
        LogReaderAsync("log_page", hit, hit.Page, hit.UserAgent, request);

    /// <summary>The months of raw hits that had ended by a date, by kind: what <see cref="DropMonthsAsync"/> drops.</summary>
    public async Task<IReadOnlyList<HitMonth>> GetHitMonthsAsync(DateOnly before) =>
        await ListAsync(Call("SELECT hits, month, bytes FROM get_hit_months($1)", Date(before)), ReadMonth);

    /// <summary>
    /// Drops the raw hits of all months that had ended by a date, or none of them; totals stay. Answers which.
    /// </summary>
    /// <exception cref="DatabaseException">
    /// A table is in use: then it is transient. Or the date is later than the first day of this month.
    /// </exception>
    public async Task<IReadOnlyList<HitMonth>> DropMonthsAsync(DateOnly before) =>
        await ListAsync(Call("SELECT hits, month, bytes FROM drop_months($1)", Date(before)), ReadMonth);

    private static HitMonth ReadMonth(NpgsqlDataReader row) =>
        new(row.GetString(0), row.GetFieldValue<DateOnly>(1), row.GetInt64(2));

    private async Task<int> LogInstallersAsync<T>(
        string function, Batch batch, Func<T, string> name, Func<T, InstallerState> installer)
        where T : AccessState
    {
        var (kind, hosts) = batch.OfKind<T>();
        if (kind.Length == 0) return 0;
        NpgsqlParameter Told(Func<InstallerState, string?> field) => Texts(kind.Select(a => field(installer(a))));
        return await AskAsync(
            Call(
                $"SELECT {function}($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
                Texts(kind.Select(name)), Addresses(hosts), Times(kind.Select(a => a.Timestamp)),
                Told(i => i.Arch), Told(i => i.DistroName), Told(i => i.DistroVersion), Told(i => i.OsName),
                Told(i => i.OsVersion), Told(i => i.PyName), Told(i => i.PyVersion), Told(i => i.InstallerName),
                Told(i => i.InstallerVersion), Told(i => i.SetuptoolsVersion), Uuid(batch.Request)),
            r => r.GetInt32(0));
    }

    private async Task<int> LogReadersAsync<T>(
        string function, Batch batch, Func<T, string> name, Func<T, string> userAgent)
        where T : AccessState
    {
        var (kind, hosts) = batch.OfKind<T>();
        if (kind.Length == 0) return 0;
        return await AskAsync(
            Call(
                $"SELECT {function}($1, $2, $3, $4, $5)",
                Texts(kind.Select(name)), Addresses(hosts), Times(kind.Select(a => a.Timestamp)),
                Texts(kind.Select(userAgent)), Uuid(batch.Request)),
            r => r.GetInt32(0));
    }

    private async Task<bool> LogInstallerAsync(
        string function, AccessState access, string name, InstallerState told, Guid? request) =>
        Storable.Of(access) is { } storable && await AskAsync(
            Call(
                $"SELECT {function}($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
                Text(name), Address(storable.Host), Time(access.Timestamp), Text(told.Arch), Text(told.DistroName),
                Text(told.DistroVersion), Text(told.OsName), Text(told.OsVersion), Text(told.PyName),
                Text(told.PyVersion), Text(told.InstallerName), Text(told.InstallerVersion),
                Text(told.SetuptoolsVersion), Uuid(request)),
            r => r.GetBoolean(0));

    private async Task<bool> LogReaderAsync(
        string function, AccessState access, string name, string userAgent, Guid? request) =>
        Storable.Of(access) is { } storable && await AskAsync(
            Call(
                $"SELECT {function}($1, $2, $3, $4, $5)",
                Text(name), Address(storable.Host), Time(access.Timestamp), Text(userAgent), Uuid(request)),
            r => r.GetBoolean(0));

    private sealed record Batch(IReadOnlyList<Storable> All, Guid? Request)
    {
        public (T[] Accesses, IPAddress[] Hosts) OfKind<T>()
            where T : AccessState
        {
            var kind = All.Where(each => each.Access is T).ToArray();
            return (Array.ConvertAll(kind, each => (T)each.Access), Array.ConvertAll(kind, each => each.Host));
        }
    }

    /// <summary>An access that can be put into a statement, with its address.</summary>
    private sealed record Storable(AccessState Access, IPAddress Host)
    {
        public static Storable? Of(AccessState access) =>
            HostAddress.TryParse(access.Host, out var host) && IsStorable(access) ? new Storable(access, host) : null;
    }

    /// <summary>
    /// PostgreSQL has no text with a NUL or half a surrogate pair, and refuses the whole statement for one.
    /// </summary>
    private static bool IsStorable(AccessState access) => access switch
    {
        DownloadState d => IsStorable(d.Filename) && IsStorable(d.Installer),
        SearchState s => IsStorable(s.Package) && IsStorable(s.Installer),
        ProjectState p => IsStorable(p.Package) && IsStorable(p.UserAgent),
        JsonState j => IsStorable(j.Package) && IsStorable(j.UserAgent),
        PageState p => IsStorable(p.Page) && IsStorable(p.UserAgent),
        _ => false,
    };

    private static bool IsStorable(InstallerState i) =>
        IsStorable(i.Arch) && IsStorable(i.DistroName) && IsStorable(i.DistroVersion) && IsStorable(i.OsName)
        && IsStorable(i.OsVersion) && IsStorable(i.PyName) && IsStorable(i.PyVersion) && IsStorable(i.InstallerName)
        && IsStorable(i.InstallerVersion) && IsStorable(i.SetuptoolsVersion);

    private static bool IsStorable(string? text)
    {
        if (text is null) return true;
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c == '\0' || char.IsLowSurrogate(c)) return false;
            if (char.IsHighSurrogate(c) && (++i == text.Length || !char.IsLowSurrogate(text[i]))) return false;
        }

        return true;
    }
}
