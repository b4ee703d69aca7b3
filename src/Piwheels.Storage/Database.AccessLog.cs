using Npgsql;
using Piwheels.Core.States;

namespace Piwheels.Storage;

/// <content>Functions of 60_access_log.sql.</content>
public sealed partial class Database
{
    public async Task LogAccessAsync(IReadOnlyList<AccessState> accesses, Guid? request = null)
    {
        ArgumentNullException.ThrowIfNull(accesses);
        var storable = accesses.Where(IsStorable).ToList();
        await LogInstallersAsync(
            "log_downloads", storable.OfType<DownloadState>().ToList(), d => d.Filename, d => d.Installer, request);
        await LogInstallersAsync(
            "log_searches", storable.OfType<SearchState>().ToList(), s => s.Package, s => s.Installer, request);
        await LogReadersAsync(
            "log_project_hits", storable.OfType<ProjectState>().ToList(), p => p.Package, p => p.UserAgent, request);
        await LogReadersAsync(
            "log_json_downloads", storable.OfType<JsonState>().ToList(), j => j.Package, j => j.UserAgent, request);
        await LogReadersAsync(
            "log_page_hits", storable.OfType<PageState>().ToList(), p => p.Page, p => p.UserAgent, request);
    }

    private async Task LogInstallersAsync<T>(
        string function, List<T> accesses, Func<T, string> name, Func<T, InstallerState> installer, Guid? request)
        where T : AccessState
    {
        if (accesses.Count == 0) return;
        NpgsqlParameter Told(Func<InstallerState, string?> field) => Texts(accesses.Select(a => field(installer(a))));
        await DoAsync(Call(
            $"SELECT {function}($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
            Texts(accesses.Select(name)), Texts(accesses.Select(a => a.Host)), Times(accesses.Select(a => a.Timestamp)),
            Told(i => i.Arch), Told(i => i.DistroName), Told(i => i.DistroVersion), Told(i => i.OsName),
            Told(i => i.OsVersion), Told(i => i.PyName), Told(i => i.PyVersion), Told(i => i.InstallerName),
            Told(i => i.InstallerVersion), Told(i => i.SetuptoolsVersion), Uuid(request)));
    }

    private async Task LogReadersAsync<T>(
        string function, List<T> accesses, Func<T, string> name, Func<T, string> userAgent, Guid? request)
        where T : AccessState
    {
        if (accesses.Count == 0) return;
        await DoAsync(Call(
            $"SELECT {function}($1, $2, $3, $4, $5)",
            Texts(accesses.Select(name)), Texts(accesses.Select(a => a.Host)), Times(accesses.Select(a => a.Timestamp)),
            Texts(accesses.Select(userAgent)), Uuid(request)));
    }

    /// <summary>
    /// PostgreSQL has no text with a NUL or half a surrogate pair, and refuses the whole statement for one.
    /// </summary>
    private static bool IsStorable(AccessState access) => access switch
    {
        DownloadState d => IsStorable(d.Filename) && IsStorable(d.Host) && IsStorable(d.Installer),
        SearchState s => IsStorable(s.Package) && IsStorable(s.Host) && IsStorable(s.Installer),
        ProjectState p => IsStorable(p.Package) && IsStorable(p.Host) && IsStorable(p.UserAgent),
        JsonState j => IsStorable(j.Package) && IsStorable(j.Host) && IsStorable(j.UserAgent),
        PageState p => IsStorable(p.Page) && IsStorable(p.Host) && IsStorable(p.UserAgent),
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
