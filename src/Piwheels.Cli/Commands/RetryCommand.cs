using System.CommandLine;
using System.Globalization;
using Piwheels.Cli.Administration;
using Piwheels.Cli.Options;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Storage;

namespace Piwheels.Cli.Commands;

/// <summary>`piw retry`: what failed for a reason that passes, and is tried again; some of it at once.</summary>
internal sealed class RetryCommand : PiwCommand
{
    private readonly Argument<string?> _package = new("PACKAGE")
    {
        Description = "What to try again at once; without it, all that waits is listed",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Argument<string?> _version = new("VERSION")
    {
        Description = "The version, as the index spells it; all of the package unless named",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<bool> _json = new("--json") { Description = "Of what is listed: as JSON, for programs" };

    private readonly Setting<string> _dsn;
    private readonly Setting<int> _limit;

    public RetryCommand()
        : base("retry", "retry", "Shows what is tried again after a failure that says nothing about it, and has it tried at once")
    {
        Command.Add(_package);
        Command.Add(_version);
        _dsn = Add(Settings.Database("dsn", "Where the database is", "postgresql:///piwheels", "-d"));
        _limit = Add(Settings.Number("limit", "Builds listed", 1000, 1, 1_000_000));
        Command.Add(_json);
    }

    protected override async Task<int> RunAsync(CommandContext context)
    {
        PackageName? package = context.Parsed.GetValue(_package) is not { } text ? null
            : PackageName.TryParse(text, out var name) ? name
            : throw new CommandFault($"'{Excerpt.Of(text)}' is not a package name", CommandFault.WrongUsage);
        await using var database = new Database(_dsn.In(context.Source));
        await database.CheckVersionAsync(context.Stop);
        if (package is not { } asked)
        {
            var waiting = await database.GetDeferredBuildsAsync(_limit.In(context.Source));
            return context.Parsed.GetValue(_json) ? ListForPrograms(waiting) : List(waiting, context.Time);
        }

        var moved = await database.RaisePriorityAsync(asked, context.Parsed.GetValue(_version));
        Console.WriteLine(moved > 0
            ? string.Create(CultureInfo.InvariantCulture, $"{moved} builds go first.")
            : "Nothing of it waits, or it goes first already.");
        return 0;
    }

    private static int List(IReadOnlyList<DeferredBuild> builds, TimeProvider time)
    {
        var now = time.GetUtcNow();
        foreach (var build in builds)
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{build.Release} for {build.Target}: {When(build, now)}, attempt {build.Attempts + 1}: "
                + $"{build.Failure}"));
        }

        if (builds.Count == 0) Console.WriteLine("Nothing waits to be tried again.");
        return 0;
    }

    private static int ListForPrograms(IReadOnlyList<DeferredBuild> builds)
    {
        Listings.Write(
        [
            .. builds.Select(static build => new RetryListing(
                build.Release.Package.Value, build.Release.Version, build.Target.Abi, build.Target.Platform,
                build.Held ? build.RetryAt : null, build.Attempts + 1, $"{build.Failure}")),
        ]);
        return 0;
    }

    private static string When(DeferredBuild build, DateTimeOffset now) =>
        !build.Held ? "waits for a slave"
        : build.RetryAt <= now ? "due now"
        : $"in {DurationText.Show(build.RetryAt - now)}";
}
