using System.Text.RegularExpressions;

namespace Piwheels.Storage.Schema;

/// <summary>
/// The scripts below sql/, which are part of the program, put together to ways from what a database holds to this
/// program's schema (docs/decisions/0009-upgrades.md).
/// </summary>
internal static partial class SchemaScripts
{
    private const string SchemaFolder = "sql/schema/";
    private const string UpgradesFolder = "sql/upgrades/";
    private const string PiwheelsFolder = "sql/upgrades/piwheels/";

    /// <summary>Begins the statements whose objects hold no rows: these are made anew by every upgrade.</summary>
    private static readonly string[] CodeBeginnings =
    [
        "CREATE FUNCTION ", "CREATE VIEW ", "CREATE TRIGGER ", "COMMENT ON ", "REVOKE ", "GRANT ",
    ];

    /// <summary>Begins the statements whose objects keep their rows: these are changed by the steps between releases.</summary>
    private static readonly string[] TableBeginnings =
    [
        "CREATE TABLE ", "CREATE INDEX ", "CREATE UNIQUE INDEX ", "CREATE SEQUENCE ", "INSERT INTO ",
    ];

    /// <summary>All of the schema, in an empty database.</summary>
    public static IEnumerable<SchemaStep> Creation() => [SchemaStep.Of("tables and functions", WholeSchema())];

    /// <summary>From an earlier release of ours, step by step; null when no step begins there.</summary>
    public static IEnumerable<SchemaStep>? Upgrade(string version) => Upgrade(version, ReadSteps());

    /// <summary>As above, by the steps given: from, to and script.</summary>
    internal static IEnumerable<SchemaStep>? Upgrade(
        string version, IReadOnlyCollection<(string From, string To, string Script)> steps)
    {
        List<SchemaStep> way =
        [
            SchemaStep.Of("old functions", Read("sql/upgrades/tools.sql")),
            new SchemaStep("old functions", [DropOurCode()]),
        ];
        while (version != SchemaVersion.Current)
        {
            var (from, to, script) = steps.SingleOrDefault(step => step.From == version);
            if (from is null) return null;
            way.Add(SchemaStep.Of($"tables from {from} to {to}", script));
            version = to;
        }

        way.Add(new SchemaStep("new functions", [.. Statements(WholeSchema()).Where(IsCode).Select(Replacing)]));
        way.Add(new SchemaStep("new functions", ["UPDATE configuration SET version = {version}"]));
        return way;
    }

    /// <summary>From piwheels: its tables are put aside, ours are made and filled from them.</summary>
    public static IEnumerable<SchemaStep> PiwheelsUpgrade()
    {
        var scripts = Names(PiwheelsFolder).Select(name => SchemaStep.Of(TitleOf(name), Read(name))).ToList();
        return
        [
            SchemaStep.Of(scripts[0].Name, Read("sql/upgrades/tools.sql")), scripts[0], .. Creation(), .. scripts[1..],
        ];
    }

    /// <summary>The steps that are kept: sql/upgrades/FROM-TO.sql.</summary>
    private static List<(string From, string To, string Script)> ReadSteps() =>
    [
        .. from name in Names(UpgradesFolder)
           let step = StepName().Match(name)
           where step.Success
           select (step.Groups[1].Value, step.Groups[2].Value, Read(name)),
    ];

    private static string WholeSchema() => string.Concat(Names(SchemaFolder).Select(Read));

    private static IEnumerable<string> Statements(string script) => ScriptStatements.Parse(script);

    private static bool IsCode(string statement)
    {
        if (CodeBeginnings.Any(begin => statement.StartsWith(begin, StringComparison.Ordinal))) return true;
        if (TableBeginnings.Any(begin => statement.StartsWith(begin, StringComparison.Ordinal))) return false;
        throw new InvalidOperationException($"an upgrade cannot tell whether to repeat: {statement.Split('\n')[0]}");
    }

    /// <summary>A function that a column is computed by cannot be dropped, so it is there still.</summary>
    private static string Replacing(string statement) => statement.StartsWith("CREATE FUNCTION ", StringComparison.Ordinal)
        ? $"CREATE OR REPLACE{statement["CREATE".Length..]}"
        : statement;

    private static string DropOurCode()
    {
        var names = Statements(WholeSchema()).Select(s => CodeName().Match(s)).Where(m => m.Success)
            .Select(m => $"'{m.Groups[1].Value}'").Distinct(StringComparer.Ordinal);
        return $"SELECT pg_temp.drop_code(ARRAY[{string.Join(", ", names)}])";
    }

    /// <summary>"40_page_hits.sql" is about "page hits".</summary>
    private static string TitleOf(string name) =>
        Path.GetFileNameWithoutExtension(name).TrimStart("0123456789_".ToCharArray()).Replace('_', ' ');

    private static IEnumerable<string> Names(string folder) => typeof(SchemaScripts).Assembly
        .GetManifestResourceNames()
        .Where(name => name.StartsWith(folder, StringComparison.Ordinal))
        .Order(StringComparer.Ordinal);

    private static string Read(string name)
    {
        using var reader = new StreamReader(typeof(SchemaScripts).Assembly.GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }

    [GeneratedRegex(@"^sql/upgrades/([0-9.]+)-([0-9.]+)\.sql\z")]
    private static partial Regex StepName();

    [GeneratedRegex(@"^CREATE (?:FUNCTION|VIEW) (\w+)")]
    private static partial Regex CodeName();
}

/// <summary>A part of a script that is told of by its name.</summary>
/// <param name="Name">What it is about, in a word or two.</param>
/// <param name="Statements">To be run in this order; with places for names and version (see SchemaInstaller).</param>
public sealed record SchemaStep(string Name, IReadOnlyList<string> Statements)
{
    internal static SchemaStep Of(string name, string script) => new(name, [.. ScriptStatements.Parse(script)]);
}
