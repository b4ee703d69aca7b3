using System.Text.Json;
using Npgsql;
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
                Flags(releases.Select(r => (bool?)r.Gone)), Times(releases.Select(r => r.Released)),
                Flags(releases.Select(r => (bool?)r.Source)), Flags(releases.Select(r => (bool?)r.YankedNew)),
                Flags(releases.Select(r => r.YankedKnown))),
            r => r.GetInt64(0));
    }

    public async Task<IReadOnlySet<PackageName>> GetDescriptionsOwedAsync(int limit) =>
        await SetAsync(Call("SELECT package FROM get_descriptions_owed($1)", Number(limit)), r => Name(r, 0));

    public Task SetSelectionAsync(IReadOnlyList<SelectionEntry> requested) =>
        DoAsync(Call(
            "SELECT set_selection($1, $2)",
            Texts(requested.Select(e => e.Package.Value)), Texts(requested.Select(e => e.Requirement))));

    public async Task<IReadOnlyList<SelectionEntry>> GetSelectionAsync() =>
        await ListAsync(
            Call("SELECT package, requirement, requested, state, version, message FROM get_selection()"), ReadEntry);

    public Task UpdateSelectionAsync(SelectionEntry entry) =>
        DoAsync(Call(
            "SELECT update_selection($1, $2, $3, $4, $5, $6)",
            Text(entry.Package), Text(entry.Requirement), Flag(entry.Requested), Text(WriteState(entry.State)),
            Text(entry.Version), Text(entry.Message)));

    public async Task<IReadOnlyList<UnexaminedFile>> GetUnexaminedFilesAsync() =>
        await ListAsync(
            Call("SELECT build_id, package, filename FROM get_unexamined_files()"),
            r => new UnexaminedFile(r.GetInt32(0), Name(r, 1), r.GetString(2)));

    public Task SetExaminedAsync(long buildId) =>
        DoAsync(Call("SELECT set_examined($1)", Number(checked((int)buildId))));

    public async Task<SelectionStatus> GetSelectionStatusAsync()
    {
        var json = await AskAsync(Call("SELECT get_selection_status()::text"), r => r.GetString(0));
        var status = JsonSerializer.Deserialize(json!, DocumentContext.Default.StatusDocument)!;
        return new SelectionStatus(
            status.Settled,
            [
                .. status.Packages.Select(p => new SelectionProgress(
                    new SelectionEntry(
                        PackageName.Parse(p.Package), p.Requirement, p.Requested, ReadState(p.State), p.Version, p.Message),
                    [.. p.Targets.Select(t => t.ToTarget())])),
            ]);
    }

    private static SelectionEntry ReadEntry(NpgsqlDataReader row) => new(
        Name(row, 0), row.GetString(1), row.GetBoolean(2), ReadState(row.GetString(3)),
        row.IsDBNull(4) ? null : row.GetString(4), row.GetString(5));

    private static string WriteState(SelectionState state) => state switch
    {
        SelectionState.New => "NEW",
        SelectionState.Resolved => "RESOLVED",
        SelectionState.Unknown => "UNKNOWN",
        SelectionState.Unmatched => "UNMATCHED",
        _ => throw new ArgumentOutOfRangeException(nameof(state)),
    };

    private static SelectionState ReadState(string text) => text switch
    {
        "NEW" => SelectionState.New,
        "RESOLVED" => SelectionState.Resolved,
        "UNKNOWN" => SelectionState.Unknown,
        "UNMATCHED" => SelectionState.Unmatched,
        _ => throw new InvalidDataException($"selection.state '{text}'"),
    };
}
