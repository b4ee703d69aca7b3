using System.Text.Json;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Storage;

/// <content>Functions of 10_configuration.sql, 15_upstream.sql and 25_changelog.sql.</content>
public sealed partial class Database
{
    public async Task<long> GetPypiSerialAsync() =>
        await AskAsync(Call("SELECT get_pypi_serial()"), r => r.GetInt64(0));

    public Task SetPypiSerialAsync(long serial) => DoAsync(Call("SELECT set_pypi_serial($1)", Number(serial)));

    public async Task<KnownRemovals> MarkRemovedAsync(
        IReadOnlyList<PackageName> packages, IReadOnlyList<Release> releases)
    {
        ArgumentNullException.ThrowIfNull(packages);
        ArgumentNullException.ThrowIfNull(releases);
        var known = await ListAsync(
            Call(
                "SELECT package, version FROM mark_removed($1, $2, $3)",
                Texts(packages.Select(p => p.Value)), Texts(releases.Select(r => r.Package.Value)),
                Texts(releases.Select(r => r.Version))),
            r => (Package: Name(r, 0), Version: r.IsDBNull(1) ? null : r.GetString(1)));
        return new KnownRemovals(
            [.. known.Where(k => k.Version is null).Select(k => k.Package)],
            [.. known.Where(k => k.Version is not null).Select(k => new Release(k.Package, k.Version!))]);
    }

    public async Task<long> ApplyIndexChangesAsync(IndexChanges changes)
    {
        ArgumentNullException.ThrowIfNull(changes);
        var (names, releases) = (changes.Names, changes.Releases);
        return await AskAsync(
            Call(
                "SELECT apply_index_changes($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
                Number(changes.From), Number(changes.To), Texts(changes.Gone.Select(p => p.Value)),
                Texts(names.Select(n => n.Package.Value)), Texts(names.Select(n => n.Name)),
                Times(names.Select(n => n.Seen)), Texts(names.Select(n => n.UnlessKnown)),
                Texts(releases.Select(r => r.Release.Package.Value)), Texts(releases.Select(r => r.Release.Version)),
                Flags(releases.Select(r => r.Gone)), Times(releases.Select(r => r.Released)),
                Flags(releases.Select(r => r.Source)), Flags(releases.Select(r => r.YankedNew)),
                Flags(releases.Select(r => r.YankedKnown))),
            r => r.GetInt64(0));
    }

    public async Task<IReadOnlySet<PackageName>> GetDescriptionsOwedAsync(int limit) =>
        await SetAsync(Call("SELECT package FROM get_descriptions_owed($1)", Number(limit)), r => Name(r, 0));

    public Task<bool> SetRequestsAsync(SelectionOrigin origin, SelectionWish wish) =>
        ChangeRequestsAsync("SELECT set_requests($1, $2, $3, $4, $5, $6)", origin, wish);

    public Task<bool> AddRequestsAsync(SelectionOrigin origin, SelectionWish wish) =>
        ChangeRequestsAsync("SELECT add_requests($1, $2, $3, $4, $5, $6)", origin, wish);

    public Task RemoveRequestsAsync(IReadOnlyCollection<PackageName> packages) =>
        DoAsync(Call("SELECT remove_requests($1)", Texts(packages.Select(p => p.Value))));

    public Task RemoveConstraintsAsync(IReadOnlyCollection<PackageName> packages) =>
        DoAsync(Call("SELECT remove_constraints($1)", Texts(packages.Select(p => p.Value))));

    public async Task<Selection> GetSelectionAsync()
    {
        var json = await AskAsync(Call("SELECT get_selection()::text"), r => r.GetString(0));
        return JsonSerializer.Deserialize(json!, DocumentContext.Default.SelectionDocument)!.ToSelection();
    }

    public async Task<long> GetSelectionRevisionAsync() =>
        await AskAsync(Call("SELECT get_selection_revision()"), r => r.GetInt64(0));

    public async Task<bool> UpdateSelectionAsync(long revision, SelectionEntry entry) =>
        await AskAsync(
            Call(
                "SELECT update_selection($1, $2, $3, $4, $5, $6, $7, $8)",
                Number(revision), Text(entry.Package), Text(MemberNames.Of(entry.State)),
                Text(entry.Message), Texts(entry.Versions.Select(v => v.Version)),
                Flags(entry.Versions.Select(v => v.Urgent)), Texts(entry.Needs.Select(n => n.Package.Value)),
                Texts(entry.Needs.Select(n => n.Requirement))),
            r => r.GetBoolean(0));

    public async Task<IReadOnlyList<UnexaminedFile>> GetUnexaminedFilesAsync() =>
        await ListAsync(
            Call("SELECT build_id, package, version, filename FROM get_unexamined_files()"),
            r => new UnexaminedFile(r.GetInt32(0), new Release(Name(r, 1), r.GetString(2)), r.GetString(3)));

    public Task SetExaminedAsync(long buildId) =>
        DoAsync(Call("SELECT set_examined($1)", Number(checked((int)buildId))));

    public async Task<SelectionStatus> GetSelectionStatusAsync()
    {
        var json = await AskAsync(Call("SELECT get_selection_status()::text"), r => r.GetString(0));
        return JsonSerializer.Deserialize(json!, DocumentContext.Default.StatusDocument)!.ToStatus();
    }

    public async Task<NameLists> GetFollowedNamesAsync()
    {
        var rows = await ListAsync(
            Call("SELECT list, pattern FROM get_followed_names()"), r => (List: r.GetString(0), Pattern: r.GetString(1)));
        return new NameLists(
            [.. rows.Where(r => r.List == "ONLY").Select(r => r.Pattern)],
            [.. rows.Where(r => r.List == "NEVER").Select(r => r.Pattern)]);
    }

    public Task SetFollowedNamesAsync(NameLists lists)
    {
        ArgumentNullException.ThrowIfNull(lists);
        return DoAsync(Call("SELECT set_followed_names($1, $2)", Texts(lists.Only), Texts(lists.Never)));
    }

    public async Task<IReadOnlySet<PackageName>> GetPackagesSkippedAsync(string reason) =>
        await SetAsync(Call("SELECT package FROM get_packages_skipped($1)", Text(reason)), r => Name(r, 0));

    public Task ChangePackageSkipsAsync(IReadOnlyCollection<PackageName> packages, string from, string to) => DoAsync(
        Call("SELECT change_package_skips($1, $2, $3)", Texts(packages.Select(p => p.Value)), Text(from), Text(to)));

    public Task FollowAllVersionsAsync() => DoAsync(Call("SELECT follow_all_versions()"));

    private async Task<bool> ChangeRequestsAsync(string call, SelectionOrigin origin, SelectionWish wish)
    {
        ArgumentNullException.ThrowIfNull(wish);
        return await AskAsync(
            Call(
                call, Text(MemberNames.Of(origin)),
                Texts(wish.Requirements.Select(r => r.Package.Value)), Texts(wish.Requirements.Select(r => r.ToString())),
                Flag(wish.AllVersions),
                Texts(wish.Constraints.Select(c => c.Package.Value)), Texts(wish.Constraints.Select(c => c.ToString()))),
            r => r.GetBoolean(0));
    }
}
