using System.Text.Json;
using Npgsql;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Storage;

/// <content>Functions of 10_configuration.sql and 15_upstream.sql.</content>
public sealed partial class Database
{
    public async Task<long> GetPypiSerialAsync() =>
        await AskAsync(Call("SELECT get_pypi_serial()"), r => r.GetInt64(0));

    public Task SetPypiSerialAsync(long serial) => DoAsync(Call("SELECT set_pypi_serial($1)", Number(serial)));

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
