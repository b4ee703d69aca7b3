using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Piwheels.Cli.Auditing;

/// <summary>
/// Where findings go as they come: paths, one a line, to the file that is named for their kind, else to standard output; and
/// at the end the counts.
/// </summary>
internal sealed class AuditOutput : IDisposable
{
    private readonly Dictionary<FindingKind, TextWriter> _files = [];
    private readonly Dictionary<FindingKind, long> _counts = [];
    private readonly Dictionary<FindingKind, long> _mended = [];
    private readonly bool _json;

    /// <param name="files">Where to list the findings of a kind; <c>-</c> is standard output, null is as usual.</param>
    /// <param name="json">The counts come as JSON, and no finding of a kind without a file is listed.</param>
    /// <exception cref="CommandFault">A file cannot be written.</exception>
    public AuditOutput(IReadOnlyDictionary<FindingKind, string?> files, bool json)
    {
        _json = json;
        foreach (var (kind, path) in files)
        {
            if (path is not null) _files[kind] = path == "-" ? Console.Out : Open(path);
        }
    }

    /// <summary>Findings that nobody has mended.</summary>
    public long Left => _counts.Values.Sum() - _mended.Values.Sum();

    public void Add(Finding finding)
    {
        _counts[finding.Kind] = _counts.GetValueOrDefault(finding.Kind) + 1;
        var path = Printable(finding.Path);
        if (_files.TryGetValue(finding.Kind, out var file)) file.WriteLine(path);
        else if (!_json) Console.WriteLine($"{Word(finding.Kind),-8} {path}{(finding.Detail.Length > 0 ? ": " + finding.Detail : "")}");
    }

    /// <summary>One of the findings of this kind is none any more.</summary>
    public void Mended(FindingKind kind) => _mended[kind] = _mended.GetValueOrDefault(kind) + 1;

    /// <param name="checkedCount">How many there were to look at.</param>
    /// <param name="noun">What these are, for more than one of them.</param>
    public void End(long checkedCount, string noun)
    {
        var counts = new AuditCounts(
            checkedCount, Count(FindingKind.Missing), Count(FindingKind.Extra), Count(FindingKind.Broken),
            _mended.Values.Sum());
        if (_json)
        {
            Console.WriteLine(JsonSerializer.Serialize(counts, AuditContext.Default.AuditCounts));
            return;
        }

        var mended = counts.Mended > 0 ? $"; {counts.Mended:N0} of these mended" : "";
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{checkedCount:N0} {noun}: {counts.Missing:N0} missing, {counts.Extra:N0} extra, {counts.Broken:N0} broken{mended}."));
    }

    public void Dispose()
    {
        foreach (var file in _files.Values.Where(static file => file != Console.Out)) file.Dispose();
    }

    private long Count(FindingKind kind) => _counts.GetValueOrDefault(kind);

    private static string Word(FindingKind kind) => kind switch
    {
        FindingKind.Missing => "missing",
        FindingKind.Extra => "extra",
        _ => "broken",
    };

    // Nobody's name draws on a terminal, or makes two lines of one
    private static string Printable(string path) =>
        path.Any(char.IsControl) ? string.Concat(path.Select(static c => char.IsControl(c) ? '?' : c)) : path;

    private static StreamWriter Open(string path)
    {
        try
        {
            return new StreamWriter(path, append: false, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CommandFault($"{path}: {fault.Message}", CommandFault.Failed, fault);
        }
    }
}

/// <summary>The counts of an audit, for programs.</summary>
internal sealed record AuditCounts(long Checked, long Missing, long Extra, long Broken, long Mended);

[JsonSerializable(typeof(AuditCounts))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
internal sealed partial class AuditContext : JsonSerializerContext;
