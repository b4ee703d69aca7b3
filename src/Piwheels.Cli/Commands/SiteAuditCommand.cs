using System.CommandLine;
using Piwheels.Cli.Auditing;
using Piwheels.Cli.Options;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Storage;

namespace Piwheels.Cli.Commands;

/// <summary>An audit of what is published against the database. Exit code 1 where something is wrong at its end.</summary>
internal abstract class SiteAuditCommand : PiwCommand
{
    private readonly Setting<string> _dsn;
    private readonly Setting<string> _output;
    private readonly Option<bool> _json = new("--json") { Description = "Print the counts alone, as JSON" };
    private readonly Dictionary<FindingKind, Option<string?>> _files = [];

    protected SiteAuditCommand(string name, string description)
        : base(name, "audit", description)
    {
        _dsn = Add(Settings.Database("dsn", "Where the database is", "postgresql:///piwheels", "-d"));
        _output = Add(Settings.Text("output-path", "The published folder", "/var/www", "-o"));
        Command.Add(_json);
    }

    /// <summary>Adds the options for lists of findings.</summary>
    protected void AddFiles(params ReadOnlySpan<FindingKind> kinds)
    {
        foreach (var kind in kinds)
        {
            var word = kind switch { FindingKind.Missing => "missing", FindingKind.Extra => "extra", _ => "broken" };
            var option = new Option<string?>($"--{word}-file")
            {
                Description = $"Write the paths of what is {word} to this file, one a line; - is standard output",
                HelpName = "FILE",
            };
            _files[kind] = option;
            Command.Add(option);
        }
    }

    protected abstract Task AuditAsync(CommandContext context, Database database, PublishedFolder folder, AuditOutput output);

    protected override async Task<int> RunAsync(CommandContext context)
    {
        var folder = PublishedFolder.Open(_output.In(context.Source));
        await using var database = new Database(_dsn.In(context.Source));
        await database.CheckVersionAsync(context.Stop);
        var files = _files.ToDictionary(static each => each.Key, each => context.Parsed.GetValue(each.Value));
        using var output = new AuditOutput(files, context.Parsed.GetValue(_json));
        try
        {
            await AuditAsync(context, database, folder, output);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new CommandFault(fault.Message, CommandFault.Failed, fault);
        }

        return output.Left == 0 ? 0 : CommandFault.Failed;
    }

    protected static AuditProgress Progress(CommandContext context, string noun) => new(context.Logger, context.Time, noun);

    /// <summary>Has all pages of packages written, by a master that runs, or when it starts.</summary>
    protected static async Task OweAsync(Database database, IReadOnlyList<PackageName> packages, CommandContext context)
    {
        var now = context.Time.GetUtcNow();
        foreach (var some in packages.Chunk(5_000))
            await database.SaveRewritesPendingAsync([.. some.Select(package => new RewritePending(package, now, RewriteCommand.Both))]);
    }
}
