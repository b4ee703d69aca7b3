using System.Text;
using Piwheels.Core.Packaging;

namespace Piwheels.Master.Upstream;

/// <summary>What the index tells of a project, as far as the farm wants it.</summary>
/// <param name="Name">The name as its people spell it; null where not told.</param>
/// <param name="Description">One line, ready for the database.</param>
/// <param name="Version">The release that the other facts are those of.</param>
/// <param name="RequiresDist">Its requirements (PEP 508 texts); null where the index does not know them.</param>
/// <param name="Released">When the first file of each release was uploaded, by the index's spelling.</param>
public sealed record ProjectFacts(
    string? Name,
    string Description,
    string? Version,
    IReadOnlyList<string>? RequiresDist,
    IReadOnlyDictionary<string, DateTimeOffset> Released)
{
    /// <summary>Whether all files of that release were yanked (PEP 592).</summary>
    public bool Yanked { get; init; }

    /// <summary>Whether that release has wheels and no source file.</summary>
    public bool BinaryOnly { get; init; }

    /// <summary>A package's name as its people spell it, if what is told is a spelling of it.</summary>
    internal static string Spelling(PackageName package, string? told) =>
        PackageName.TryParse(told, out var named) && named == package ? told! : package.Value;

    /// <summary>When a release was uploaded, by the index's spelling; null where not told.</summary>
    public DateTimeOffset? ReleasedOf(string version) => Released.TryGetValue(version, out var at) ? at : null;
}

/// <summary>Asks the index for facts of projects (the JSON API, docs.pypi.org/api/json).</summary>
public sealed class ProjectClient(IndexConnection connection, Uri root)
{
    /// <summary>The longest description that the database holds, in characters (Unicode scalars).</summary>
    public const int DescriptionMax = 200;

    /// <summary>How much of a summary is looked at, in characters.</summary>
    private const int SummaryCharsMax = 64 << 10;

    private readonly RecentFacts _known = new();

    /// <summary>The facts of a project and its newest release.</summary>
    public Task<Fetched<ProjectFacts>> GetAsync(PackageName package, CancellationToken ct) =>
        GetAsync(IndexAddress.Below(root, package.Value, "json"), ct);

    /// <summary>The facts of one release.</summary>
    public Task<Fetched<ProjectFacts>> GetAsync(Release release, CancellationToken ct) =>
        GetAsync(IndexAddress.Below(root, release.Package.Value, release.Version, "json"), ct);

    /// <summary>
    /// A summary as the database takes it: one line without control characters, at most
    /// <see cref="DescriptionMax"/> long, the last of them an ellipsis where it was cut.
    /// </summary>
    public static string DescriptionOf(string? summary)
    {
        if (string.IsNullOrWhiteSpace(summary)) return "";
        var text = summary.AsSpan(0, Math.Min(summary.Length, SummaryCharsMax));
        var clean = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
            clean.Append(Rune.IsControl(rune) ? " " : rune.ToString());
        var line = string.Join(' ', clean.ToString().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        var runes = line.EnumerateRunes().Take(DescriptionMax + 1).ToList();
        return runes.Count <= DescriptionMax ? line : string.Concat(runes.Take(DescriptionMax - 1)) + '…';
    }

    private async Task<Fetched<ProjectFacts>> GetAsync(Uri uri, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, uri);
        request.Headers.Accept.ParseAdd("application/json");
        var known = _known.Find(uri);
        known?.Validators.AddTo(request);
        var fetched = await connection.SendAsync<ProjectFacts>(
            request,
            connection.Limits.Facts,
            async (response, token) =>
            {
                if (await ProjectPageJson.ReadAsync(response, token).ConfigureAwait(false) is not { } facts)
                    return new Fetched<ProjectFacts>.Unusable("it says nothing of the project");
                if (response.Validators is { } validators) _known.Keep(new KnownFacts(uri, validators, facts));
                return new Fetched<ProjectFacts>.Found(facts);
            },
            ct).ConfigureAwait(false);
        return fetched is Fetched<ProjectFacts>.Unchanged && known is not null
            ? new Fetched<ProjectFacts>.Found(known.Facts)
            : fetched;
    }
}

/// <summary>Facts that were read, with what the index gave for asking whether they have changed.</summary>
internal sealed record KnownFacts(Uri Uri, Validators Validators, ProjectFacts Facts);

/// <summary>The facts that were read last, a limited number of them. Safe from any thread.</summary>
internal sealed class RecentFacts
{
    private const int CountMax = 256;

    /// <summary>Facts of more releases than this are not kept.</summary>
    private const int ReleasesMax = 1_000;

    private readonly Lock _lock = new();
    private readonly OrderedDictionary<Uri, KnownFacts> _kept = [];

    internal KnownFacts? Find(Uri uri)
    {
        lock (_lock) return _kept.GetValueOrDefault(uri);
    }

    internal void Keep(KnownFacts facts)
    {
        lock (_lock)
        {
            _kept.Remove(facts.Uri);
            if (facts.Facts.Released.Count > ReleasesMax) return;
            if (_kept.Count == CountMax) _kept.RemoveAt(0);
            _kept.Add(facts.Uri, facts);
        }
    }
}
