using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Master.Administration;

/// <summary>
/// Has what somebody asks for built first. The database tells TheArchitect of it, and so SlaveDriver, within a second.
/// </summary>
/// <remarks>Throws <see cref="DatabaseException"/> when the database is away.</remarks>
internal sealed partial class PriorityRaise(IDatabase database, ILogger logger)
{
    public async Task<ImportReply> DoAsync(ImportRequest.Priority request)
    {
        if (!Requirement.TryParse(request.Requirement, out var wanted, out var problem))
        {
            return new ImportReply.Error($"'{Excerpt.Of(request.Requirement)}' is not a requirement: {problem}");
        }

        if (Wrong(request, wanted) is { } wrong) return new ImportReply.Error(wrong);
        var project = await database.GetProjectDataAsync(wanted.Package);
        var targets = (await database.GetTargetsAsync()).Where(row => row.Skip.Length == 0).Select(row => row.Target);
        switch (PriorityChoice.Of(project, wanted, request.Version, request.All, [.. targets]))
        {
            case PriorityChoice.Raise(var versions):
                return await RaiseAsync(wanted.Package, versions);
            case PriorityChoice.Built:
                return new ImportReply.Done("BUILT");
            case PriorityChoice.Elsewhere:
                return new ImportReply.Done("ELSEWHERE");
            case PriorityChoice.Refuse(var reason):
                return new ImportReply.Error(reason);
            case var other:
                throw new InvalidOperationException($"{other} is no choice");
        }
    }

    private static string? Wrong(ImportRequest.Priority request, Requirement wanted)
    {
        if (wanted.Url is not null)
        {
            return $"'{Excerpt.Of(request.Requirement)}' names a URL, but a farm builds what its index has";
        }

        if (request.Version is not { } version) return null;
        return wanted.Specifier.Count > 0 || request.All
            ? "name one version, or clauses, or all"
            : NameCheck.Release(wanted.Name, version, out _);
    }

    private async Task<ImportReply> RaiseAsync(PackageName package, IReadOnlyList<string> versions)
    {
        var all = 0L;
        foreach (var version in versions)
        {
            var rows = await database.RaisePriorityAsync(package, version);
            Raised(logger, new Release(package, version), rows);
            all += rows;
        }

        return new ImportReply.Raised(versions, all);
    }

    [LoggerMessage(EventId = 50, Level = LogLevel.Information,
        Message = "PRIORITY: {Release} goes first; {Rows} rows of the queue moved")]
    private static partial void Raised(ILogger logger, Release release, long rows);
}
