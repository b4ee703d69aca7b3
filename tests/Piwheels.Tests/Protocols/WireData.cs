using System.Globalization;
using System.Text.Json.Nodes;
using Piwheels.Core.Recipes;
using Piwheels.Core.States;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Tests.Protocols;

/// <summary>A message's data as tests/data/wire.jsonl has it, made from what was read and not from bytes.</summary>
internal static class WireData
{
    public static JsonNode? Of(object message) => message switch
    {
        ControlMessage.Kill kill => kill.SlaveId,
        ControlMessage.Sleep sleep => sleep.SlaveId,
        ControlMessage.Skip skip => skip.SlaveId,
        ControlMessage.Wake wake => wake.SlaveId,
        StatusMessage.Hello hello => Of(hello.Master),
        StatusMessage.Stats stats => Of(stats.Figures),
        StatusMessage.Slave slave => List(slave.SlaveId, Time(slave.Timestamp), slave.Event.Name, Of(slave.Event)),
        SlaveRequest.Hello hello => Of(hello.Slave),
        SlaveRequest.Idle idle => Of(idle.Stats),
        SlaveRequest.Busy busy => Of(busy.Stats),
        SlaveRequest.Built built => List(
            built.Status, Duration(built.Duration), built.Output, Files(built.Files, built.Form)),
        SlaveRequest.Facts facts => Apt(facts.Apt, facts.TellsTail),
        SlaveRequest.Printed printed => Of(printed.Piece),
        SlaveReply.Ack { Apt: { } apt } ack => List(ack.SlaveId, ack.PypiUrl, Apt(apt, ack.AsksTail)),
        SlaveReply.Tail tail => List(tail.Offset, Duration(tail.Within)),
        SlaveReply.Ack ack => List(ack.SlaveId, ack.PypiUrl),
        SlaveReply.Ask ask => Apt(ask.Apt),
        SlaveReply.Sleep sleep => sleep.Paused,
        SlaveReply.Build { Recipe: { } recipe } build =>
            List(build.Release.Package.Value, build.Release.Version, Of(recipe)),
        SlaveReply.Build build => List(build.Release.Package.Value, build.Release.Version),
        SlaveReply.Send send => send.Filename,
        ImportRequest request => Of(request),
        ImportReply.Send send => send.Filename,
        ImportReply.Error error => error.Message,
        ImportReply.Done { What: { } what } => what,
        ImportReply.Raised raised => List(Texts(raised.Versions), raised.Rows),
        ImportReply.State { Farm: var farm } => List(
            Time(farm.Started), farm.Paused, farm.DiskLow, farm.DatabaseTrouble,
            List([.. farm.Queue.Select(each => List(each.Target.Abi, each.Target.Platform, each.Count))]), Counts(farm.Slaves),
            farm.Upstream is { } upstream ? List(List(upstream.Serial, upstream.LagSerials, Duration(upstream.Lag))) : List(),
            farm.Stats is { } stats ? List(Of(stats)) : List()),
        LogEntry entry => Of(entry.Access),
        HitsRequest.Hits hits => List($"{hits.Request}", Texts(hits.Entries.Select(entry => Convert.ToHexStringLower(entry.Span)))),
        HitsReply.Done done => List($"{done.Request}", done.LeftOut),
        LiveMessage live => Of(live),
        _ => NoData,
    };

    private static JsonObject NoData => new() { ["$nodata"] = true };

    private static JsonNode? Of(ImportRequest request) => request switch
    {
        ImportRequest.AddPackage add => List(add.Package, add.Description, add.Skip, add.Unskip, Texts(add.Aliases)),
        ImportRequest.AddVersion add => List(
            add.Package, add.Version, add.Skip, add.Unskip, Time(add.Released), add.Yank, add.Unyank,
            Texts(add.Aliases)),
        ImportRequest.Import { Build: var build, Form: var form } => List(
            build.SlaveId, build.Package, build.Version, build.AbiTag, build.Status, Duration(build.Duration),
            build.Output, Files(build.Files, form)),
        ImportRequest.RemovePackage remove => List(remove.Package, remove.Builds, remove.Skip),
        ImportRequest.RemoveVersion remove => List(
            remove.Package, remove.Version, remove.Builds, remove.Skip, remove.Yank),
        ImportRequest.Remove remove => List(remove.Package, remove.Version, remove.Skip),
        ImportRequest.Priority priority => List(priority.Requirement, priority.Version, priority.All),
        ImportRequest.Rebuild { Scope: RebuildScope.Home } => List("HOME"),
        ImportRequest.Rebuild { Scope: RebuildScope.Search } => List("SEARCH"),
        ImportRequest.Rebuild { Scope: RebuildScope.Project } rebuild => List("PROJECT", rebuild.Package),
        ImportRequest.Rebuild { Scope: RebuildScope.Both } rebuild => List("BOTH", rebuild.Package),
        _ => NoData,
    };

    private static JsonNode? Of(SlaveEvent slaveEvent) => slaveEvent switch
    {
        SlaveEvent.Hello hello => Of(hello.Slave),
        SlaveEvent.Stats stats => Of(stats.Figures),
        SlaveEvent.Build build => List(build.Release.Package.Value, build.Release.Version),
        SlaveEvent.Sleep sleep => sleep.Paused,
        SlaveEvent.Send send => send.Filename,
        _ => NoData,
    };

    private static JsonArray Of(LiveMessage message) => message switch
    {
        LiveMessage.Running running => List(running.Label, Time(running.Since), Word(running.Reach)),
        LiveMessage.Kept kept => List([.. kept.Pieces.Select(Of)]),
        LiveMessage.Printed printed => Of(printed.Piece),
        LiveMessage.Ended ended => List(ended.BuildId, ended.Status),
        LiveMessage.Builds builds => List(builds.Count, List([.. builds.First.Select(Of)])),
        _ => throw new ArgumentException(message.Name, nameof(message)),
    };

    private static JsonArray Of(LiveBuild build) => List(
        build.Topic.Release.Package.Value, build.Topic.Release.Version, build.Topic.Target.Abi,
        build.Topic.Target.Platform, build.Label, Time(build.Since), Word(build.Reach));

    private static JsonArray Of(OutputPiece piece) =>
        List(piece.Offset, new JsonObject { ["$bytes"] = Convert.ToHexStringLower(piece.Bytes.Span) });

    private static string Word(LiveReach reach) => reach.ToString().ToLowerInvariant();

    private static JsonObject Apt(IEnumerable<string> packages, bool tail = false)
    {
        var map = new JsonObject { ["apt"] = Texts(packages) };
        if (tail) map["tail"] = true;
        return map;
    }

    private static JsonObject Of(Recipe recipe)
    {
        var map = recipe.Apt.Length > 0 ? Apt(recipe.Apt) : [];
        if (recipe.Environment.Count > 0)
        {
            map["environment"] = new JsonObject(recipe.Environment.Select(
                variable => KeyValuePair.Create(variable.Key, (JsonNode?)variable.Value)));
        }

        if (recipe.PipArguments.Length > 0) map["pip-arguments"] = Texts(recipe.PipArguments);
        if (recipe.Timeout is { } timeout) map["timeout"] = Duration(timeout);
        if (recipe.Memory is { } memory) map["memory"] = memory;
        if (recipe.Network is { } network) map["network"] = RecipeNetworks.WordOf(network);
        if (recipe.WithoutImport) map["check-import"] = "never";
        if (recipe.Patch is { } patch) map["patch"] = List(patch.Name, patch.Text);
        return map;
    }

    private static JsonArray Of(SlaveHello hello) => List(
        Duration(hello.BuildTimeout), Duration(hello.BusyTimeout), hello.PyVersion, hello.Abi, hello.Platform,
        hello.Label, hello.OsName, hello.OsVersion, hello.BoardRevision, hello.BoardSerial);

    private static JsonArray Of(SlaveStats stats) => List(
        Time(stats.Timestamp), stats.DiskSize, stats.DiskFree, stats.MemSize, stats.MemFree, stats.SwapSize,
        stats.SwapFree, stats.LoadAverage, stats.CpuTemp);

    private static JsonArray Of(MasterHello hello) => List(
        Time(hello.Started), hello.Label, hello.OsName, hello.OsVersion, hello.BoardRevision, hello.BoardSerial);

    private static JsonArray Of(MasterStats stats) => List(
        Time(stats.Timestamp), stats.PackagesBuilt, Counts(stats.BuildsLastHour), Duration(stats.BuildsTime),
        stats.BuildsSize, Counts(stats.BuildsPending), stats.NewLastHour, stats.FilesCount, stats.DownloadsLastHour,
        stats.DownloadsLastMonth, stats.DownloadsAll, stats.DiskSize, stats.DiskFree, stats.MemSize, stats.MemFree,
        stats.SwapSize, stats.SwapFree, stats.LoadAverage, stats.CpuTemp);

    private static JsonArray Of(AccessState access) => access switch
    {
        DownloadState download => Of(download.Filename, download, download.Installer),
        SearchState search => Of(search.Package, search, search.Installer),
        ProjectState hit => List(hit.Package, hit.Host, Time(hit.Timestamp), hit.UserAgent),
        JsonState hit => List(hit.Package, hit.Host, Time(hit.Timestamp), hit.UserAgent),
        PageState hit => List(hit.Page, hit.Host, Time(hit.Timestamp), hit.UserAgent),
        _ => throw new ArgumentException(access.ToString(), nameof(access)),
    };

    private static JsonArray Of(string what, AccessState access, InstallerState installer) => List(
        what, access.Host, Time(access.Timestamp), installer.Arch, installer.DistroName, installer.DistroVersion,
        installer.OsName, installer.OsVersion, installer.PyName, installer.PyVersion, installer.InstallerName,
        installer.InstallerVersion, installer.SetuptoolsVersion);

    private static JsonArray Files(IReadOnlyList<FileState> files, FileStateForm form) =>
        List([.. files.Select(file => Of(file, form))]);

    private static JsonArray Of(FileState file, FileStateForm form)
    {
        var fields = List(
            file.Filename, file.FileSize, file.FileHash, file.PackageTag, file.PackageVersionTag, file.PyVersionTag,
            file.AbiTag, file.PlatformTag, file.RequiresPython,
            new JsonObject(file.Dependencies.Select(
                tool => KeyValuePair.Create(tool.Key, (JsonNode?)Texts(tool.Value)))));
        if (form == FileStateForm.WithLocation) fields.Add(file.Location);
        return fields;
    }

    private static JsonArray List(params JsonNode?[] fields) => new(fields);

    private static JsonArray Texts(IEnumerable<string> texts) => new([.. texts.Select(text => (JsonNode?)text)]);

    private static JsonObject Counts(IReadOnlyDictionary<string, long> counts) =>
        new(counts.Select(count => KeyValuePair.Create(count.Key, (JsonNode?)count.Value)));

    private static JsonObject Time(DateTimeOffset time) => new()
    {
        // As Python's isoformat() has it
        ["$datetime"] = time.ToString(
            time.Microsecond + time.Millisecond == 0 ? "yyyy-MM-ddTHH:mm:sszzz" : "yyyy-MM-ddTHH:mm:ss.ffffffzzz",
            CultureInfo.InvariantCulture),
    };

    private static JsonObject Duration(TimeSpan duration) => new()
    {
        // Non-negative ones only, as all of the file are
        ["$duration"] = List(
            duration.Days,
            (int)(duration.Ticks % TimeSpan.TicksPerDay / TimeSpan.TicksPerSecond),
            (int)(duration.Ticks % TimeSpan.TicksPerSecond / TimeSpan.TicksPerMicrosecond)),
    };
}
