using Microsoft.Extensions.Logging;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>What selected packages depend on: where it is learned, and what follows from it.</summary>
internal sealed partial class SelectionFollower
{
    /// <summary>How often wheels are looked for of versions that are built beside an entry's own.</summary>
    private static readonly TimeSpan BesideInterval = TimeSpan.FromSeconds(10);

    private readonly Dictionary<Release, IReadOnlyList<string>> _beside = [];
    private DateTimeOffset _besideCheckedAt;

    /// <summary>Registers a version to be built, and enters what it requires.</summary>
    private async Task TakeAsync(
        PackageName package, IndexRelease listed, IEnumerable<string> extras, CancellationToken ct)
    {
        var release = new Release(package, listed.Text);
        var asked = Canonical(extras);
        ProjectFacts? facts = null;
        var factsRead = false;
        async Task<ProjectFacts?> FactsAsync()
        {
            if (!factsRead) facts = await ReadFactsAsync(package, ct);
            factsRead = true;
            return facts;
        }

        var isNew = await database.GetPackageSkipAsync(package) is null;
        if (isNew) registry.ForgetAll();
        var spelling = isNew ? SpellingOf(package, await FactsAsync()) : null;
        var released = listed.Released
            ?? facts?.Released.GetValueOrDefault(listed.Text, time.GetUtcNow())
            ?? time.GetUtcNow();
        await registry.AddFileAsync(
            release, spelling, source: true, released, async () => (await FactsAsync())?.Description ?? "");
        if (_followed.ContainsKey((release, KeyOf(asked)))) return;
        // Said before it is done: packages may depend on each other
        _followed[(release, KeyOf(asked))] = [];
        try
        {
            var texts = await requirements.GetAsync(release, listed, FactsAsync, ct);
            await EnterAllAsync(release, texts, asked, ct);
        }
        catch
        {
            _followed.Remove((release, KeyOf(asked)));
            throw;
        }
    }

    private static List<string> Canonical(IEnumerable<string> extras) =>
        [.. extras.Select(PackageName.Canonicalize).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    private static string KeyOf(IEnumerable<string> extras) => string.Join(',', extras);

    private void ForgetFollowed(PackageName package)
    {
        foreach (var key in _followed.Keys.Where(k => k.Release.Package == package).ToList()) _followed.Remove(key);
    }

    /// <summary>
    /// Enters again what vanished though it is needed: when somebody changes what is asked for, the database drops
    /// the dependencies that no wheel of ours speaks of yet.
    /// </summary>
    private async Task EnterMissingAsync(CancellationToken ct)
    {
        foreach (var ((release, _), required) in _followed.ToList())
        {
            if (!_entries.ContainsKey(release.Package)) continue;
            foreach (var requirement in required.Where(r => !_entries.ContainsKey(r.Package)))
                await EnterAsync(release, requirement, ct);
        }
    }

    private static string SpellingOf(PackageName package, ProjectFacts? facts) =>
        PackageName.TryParse(facts?.Name, out var named) && named == package ? facts!.Name! : package.Value;

    /// <summary>A project's facts; null where the index has none. A page that stays broken is done without.</summary>
    private async Task<ProjectFacts?> ReadFactsAsync(PackageName package, CancellationToken ct)
    {
        switch (await projects.GetAsync(package, ct))
        {
            case Fetched<ProjectFacts>.Found found:
                return found.Value;
            case Fetched<ProjectFacts>.Away away:
                var mayTryAgain = away.WholeIndex || WatchedOf(package).Gate.Failures < FactsAttemptsMax - 1;
                if (mayTryAgain) throw UpstreamAwayException.Of($"the facts of {package}", away);
                NoFacts(logger, package, away.Reason);
                return null;
            case Fetched<ProjectFacts>.Unusable unusable:
                NoFacts(logger, package, unusable.Reason);
                return null;
            default:
                return null;
        }
    }

    private async Task EnterAllAsync(
        Release dependant, IReadOnlyList<string> texts, IReadOnlyList<string> extras, CancellationToken ct)
    {
        var all = Dependencies.Of(
            dependant.Package,
            texts,
            extras,
            _targets,
            text => RequirementRefused(logger, Excerpt.Of(text), dependant));
        _followed[(dependant, KeyOf(extras))] = all;
        foreach (var requirement in all) await EnterAsync(dependant, requirement, ct);
    }

    /// <summary>Sees to it that there will be a wheel that satisfies what a release requires.</summary>
    private async Task EnterAsync(Release dependant, Requirement requirement, CancellationToken ct)
    {
        if (Dependencies.Merge(requirement, requirement) is not { } bare) return;
        if (!_entries.TryGetValue(requirement.Package, out var entry))
        {
            DependencyEntered(logger, bare, dependant);
            await UpdateAsync(new SelectionEntry(
                bare.Package, bare.ToString(), Requested: false, SelectionState.New, Version: null, Message: ""));
            return;
        }

        if (entry.State == SelectionState.Unknown || !names.Contains(entry.Package)) return;
        if (!Requirement.TryParse(entry.Requirement, out var present) || present.Url is not null) return;
        var merged = Dependencies.Merge(present, bare);
        if (merged?.ToString() == Dependencies.Merge(present, present)?.ToString()) return;
        if (await pages.GetAsync(entry.Package, ifChanged: false, ct) is not { } fetched) return;
        if (fetched is Fetched<IReadOnlyList<IndexRelease>>.Away away)
            throw UpstreamAwayException.Of($"the page of {entry.Package}", away);
        if (fetched is not Fetched<IReadOnlyList<IndexRelease>>.Found found) return;
        await ReconcileAsync(dependant, entry, (present, bare, merged), found.Value, ct);
    }

    private async Task ReconcileAsync(
        Release dependant,
        SelectionEntry entry,
        (Requirement Present, Requirement Wanted, Requirement? Both) asked,
        IReadOnlyList<IndexRelease> releases,
        CancellationToken ct)
    {
        var both = asked.Both is null ? null : Chosen(releases, asked.Both);
        if (both is null)
        {
            if (Chosen(releases, asked.Wanted) is not { } alone) return;
            Beside(logger, entry.Package, alone.Text, dependant, asked.Wanted, entry.Requirement);
            await TakeBesideAsync(entry.Package, alone, asked.Wanted.Extras, ct);
        }
        else if (entry.Requested)
        {
            WatchedOf(entry.Package).Extras.UnionWith(asked.Wanted.Extras);
            var own = Chosen(releases, asked.Present);
            await (own?.Text == both.Text
                ? TakeAsync(entry.Package, both, asked.Both!.Extras, ct)
                : TakeBesideAsync(entry.Package, both, asked.Both!.Extras, ct));
        }
        else if (await StandsAsync(entry))
        {
            var merged = asked.Both!.ToString();
            await UpdateAsync(entry with { Requirement = merged, State = SelectionState.New, Message = "" });
        }
    }

    private async Task TakeBesideAsync(
        PackageName package, IndexRelease listed, IReadOnlyList<string> extras, CancellationToken ct)
    {
        _beside[new Release(package, listed.Text)] = extras;
        await TakeAsync(package, listed, extras, ct);
    }

    private IndexRelease? Chosen(IReadOnlyList<IndexRelease> releases, Requirement requirement) =>
        (SelectionResolver.Choose(releases, requirement.Specifier, _targets) as SelectionChoice.Chosen)?.Release;

    /// <summary>Reads what the wheels say that were built since: an sdist's requirements are known only then.</summary>
    private async Task ExamineAsync(Func<bool> goOn, CancellationToken ct)
    {
        foreach (var build in (await database.GetUnexaminedFilesAsync()).GroupBy(f => f.BuildId))
        {
            if (!goOn()) return;
            foreach (var file in build) await ExamineAsync(file, ct);
            await database.SetExaminedAsync(build.Key);
        }

        if (time.GetUtcNow() - _besideCheckedAt < BesideInterval) return;
        _besideCheckedAt = time.GetUtcNow();
        foreach (var (release, extras) in _beside.ToList())
        {
            if (await requirements.ExamineAsync(release, ct) is not { } texts) continue;
            await EnterAllAsync(release, texts, Canonical(extras), ct);
            _beside.Remove(release);
        }
    }

    private async Task ExamineAsync(UnexaminedFile file, CancellationToken ct)
    {
        if (await requirements.ExamineAsync(file.Package, file.Filename, ct) is not { } texts)
        {
            NotExamined(logger, file.Filename);
            return;
        }

        var extras = WatchedOf(file.Package).Extras.AsEnumerable();
        if (_entries.TryGetValue(file.Package, out var entry) && Requirement.TryParse(entry.Requirement, out var asked))
            extras = extras.Concat(asked.Extras);
        var version = WheelFileName.TryParse(file.Filename, out var wheel) ? wheel.Version.Normal : "";
        await EnterAllAsync(new Release(file.Package, version), texts, Canonical(extras), ct);
    }

    [LoggerMessage(15, LogLevel.Information, "'{Requirement}' joins the selection, for {Dependant}")]
    private static partial void DependencyEntered(ILogger logger, Requirement requirement, Release dependant);

    [LoggerMessage(16, LogLevel.Information,
        "{Package}: {Version} is built beside, since {Dependant} needs '{Wanted}', which does not go with '{Present}'")]
    private static partial void Beside(
        ILogger logger, PackageName package, string version, Release dependant, Requirement wanted, string present);

    [LoggerMessage(17, LogLevel.Information,
        "passed over '{Text}', which {Dependant} requires: it is not for an index")]
    private static partial void RequirementRefused(ILogger logger, string text, Release dependant);

    [LoggerMessage(18, LogLevel.Warning, "{Package} goes without the index's facts: {Reason}")]
    private static partial void NoFacts(ILogger logger, PackageName package, string reason);

    [LoggerMessage(19, LogLevel.Warning,
        "the metadata of {Filename} cannot be read, so what it depends on stays unknown")]
    private static partial void NotExamined(ILogger logger, string filename);
}
