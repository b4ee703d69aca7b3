using System.Globalization;
using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;
using Piwheels.Messaging.Protocols;

namespace Piwheels.Cli.Administration;

/// <summary>Asks the master for additions, and puts its answers into words.</summary>
/// <param name="ask">Asks the master.</param>
/// <param name="index">What is not given is asked of it.</param>
/// <param name="agree">Whether an unknown package or version may be added, given the question.</param>
/// <param name="tell">Told, in one line, what somebody should know who adds something.</param>
/// <param name="time">For releases without a date.</param>
internal sealed class Additions(
    Func<ImportRequest, ImportReply> ask,
    IndexFacts index,
    Func<string, bool> agree,
    Action<string> tell,
    TimeProvider time)
{
    /// <summary>Versions named in a line.</summary>
    private const int VersionsShown = 5;

    /// <summary>
    /// Adds or changes it where that is asked for, then has it built first where that is. What is to be built first and
    /// is not known is added too, if that is agreed to.
    /// </summary>
    public async Task<AdditionOutcome> DoAsync(Addition addition)
    {
        if (!addition.Priority) return await AddAsync(addition);
        if (addition.Changes)
        {
            var changed = await AddAsync(addition);
            return changed.Done ? Then(changed, Raised(addition, AskPriority(addition))) : changed;
        }

        var reply = AskPriority(addition);
        if (reply is not ImportReply.Error("NOPKG" or "NOVER")) return Raised(addition, reply);
        var unknown = reply is ImportReply.Error("NOPKG") ? $"package {addition.Package}" : addition.Subject;
        if (!agree($"{Capital(unknown)} is unknown here. Add it?"))
            return new AdditionOutcome(false, $"{Capital(unknown)} is unknown here; --yes adds it.");
        var added = await AddUnknownAsync(addition, withPackage: reply is ImportReply.Error("NOPKG"));
        return added.Done ? Then(added, Raised(addition, AskPriority(addition))) : added;
    }

    private async Task<AdditionOutcome> AddUnknownAsync(Addition addition, bool withPackage)
    {
        if (addition.Version is null || !withPackage) return await AddAsync(addition);
        var package = await AddAsync(addition with { Version = null });
        return package.Done ? Then(package, await AddAsync(addition)) : package;
    }

    private async Task<AdditionOutcome> AddAsync(Addition addition)
    {
        if (addition.Version is not null) return await AddVersionAsync(addition);
        var description = addition.Description ?? await index.DescriptionOfAsync(addition.Package);
        return Added(addition, ask(new ImportRequest.AddPackage(
            addition.Wanted.Name, description, addition.Skip, addition.Unskip, addition.Aliases)));
    }

    /// <summary>
    /// What the index says of a version holds for one that is new here. One that is known keeps what it has: it refuses
    /// to be yanked or skipped by being added, and is asked for once more without.
    /// </summary>
    private async Task<AdditionOutcome> AddVersionAsync(Addition addition)
    {
        // Only what is known can be unskipped or unyanked
        var changes = addition.Unskip || addition.Unyank;
        var facts = changes ? null : await index.ReleaseOfAsync(new Release(addition.Package, addition.Version!));
        var request = new ImportRequest.AddVersion(
            addition.Wanted.Name, addition.Version!, addition.Skip, addition.Unskip,
            addition.Released ?? facts?.Released ?? time.GetUtcNow(), addition.Yank, addition.Unyank, addition.Aliases);
        var likeUpstreams = request with
        {
            Yank = request.Yank || facts is { Yanked: true },
            Skip = request.Skip.Length == 0 && facts is { BinaryOnly: true } ? SkipReasons.BinaryOnly : request.Skip,
        };
        var reply = ask(likeUpstreams);
        if (reply is ImportReply.Error("YANKVER" or "SKIPVER") && likeUpstreams != request) reply = ask(request);
        else if (reply is ImportReply.Done("NEWVER")) TellOf(addition, request, likeUpstreams, facts);
        return Added(addition, reply);
    }

    private void TellOf(
        Addition addition, ImportRequest.AddVersion asked, ImportRequest.AddVersion sent, ReleaseFacts? facts)
    {
        if (facts?.Missing is { } missing)
            tell(addition.Released is null ? $"{missing}; it counts as released now" : missing);
        if (sent.Yank != asked.Yank) tell($"{addition.Subject} is yanked, as it is upstream");
        if (sent.Skip != asked.Skip) tell($"{addition.Subject} is not built: upstream has no source file of it");
    }

    private static AdditionOutcome Added(Addition addition, ImportReply reply) => reply switch
    {
        ImportReply.Done("NEWPKG" or "NEWVER") => new AdditionOutcome(true, $"Added {addition.Subject}."),
        ImportReply.Done => new AdditionOutcome(true, $"Changed {addition.Subject}."),
        ImportReply.Error(var reason) => new AdditionOutcome(false, WhyNotAdded(addition, reason)),
        var other => Nonsense(other),
    };

    private static string WhyNotAdded(Addition addition, string reason) => reason switch
    {
        "NOPKG" => $"Package {addition.Package} is unknown here; 'piw add {addition.Package}' adds it.",
        "SKIPPKG" or "SKIPVER" => $"{Capital(addition.Subject)} is known already: what is known is skipped by removing it.",
        "YANKVER" => $"{Capital(addition.Subject)} is known already: what is known is yanked by removing it.",
        _ => $"{Capital(addition.Subject)}: {reason}.",
    };

    private ImportReply AskPriority(Addition addition)
    {
        var wanted = addition.Version is null ? addition.Wanted.ToString() : addition.Wanted.Name;
        return ask(new ImportRequest.Priority(wanted, addition.Version, addition.AllVersions));
    }

    private static AdditionOutcome Raised(Addition addition, ImportReply reply) => reply switch
    {
        ImportReply.Raised { Rows: 0 } raised => new AdditionOutcome(
            true, $"{addition.Package} {List(raised.Versions)}: asked for before, {Goes(raised)} first already."),
        ImportReply.Raised raised => new AdditionOutcome(
            true, $"{addition.Package} {List(raised.Versions)} {Goes(raised)} first."),
        ImportReply.Done("BUILT") => new AdditionOutcome(true, $"{addition.Goal} is built already."),
        ImportReply.Done("ELSEWHERE") => new AdditionOutcome(
            true, $"{addition.Wanted} is for none of the machines that are built for here; passed over."),
        ImportReply.Error("NOPKG") => new AdditionOutcome(false, $"Package {addition.Package} is unknown here."),
        ImportReply.Error("NOVER") => new AdditionOutcome(false, $"{Capital(addition.Subject)} is unknown here."),
        ImportReply.Error(var reason) when reason.Contains("no message", StringComparison.Ordinal) =>
            throw new CommandFault("this master does not know --priority: it is an older one"),
        ImportReply.Error(var reason) => new AdditionOutcome(false, $"{addition.Goal}: {reason}."),
        var other => Nonsense(other),
    };

    private static AdditionOutcome Nonsense(ImportReply reply) =>
        throw new CommandFault($"the master answered {reply.Name}, which answers something else");

    private static string Goes(ImportReply.Raised raised) => raised.Versions.Count == 1 ? "goes" : "go";

    private static string List(IReadOnlyList<string> versions) => versions.Count <= VersionsShown
        ? string.Join(", ", versions)
        : string.Create(
            CultureInfo.InvariantCulture,
            $"{string.Join(", ", versions.Take(VersionsShown))} and {versions.Count - VersionsShown:N0} more");

    private static AdditionOutcome Then(AdditionOutcome first, AdditionOutcome second) =>
        new(second.Done, $"{first.Line} {second.Line}");

    private static string Capital(string text) =>
        text.StartsWith("package ", StringComparison.Ordinal) ? $"P{text[1..]}" : text;
}
