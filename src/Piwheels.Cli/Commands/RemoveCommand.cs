using System.CommandLine;
using Piwheels.Cli.Administration;
using Piwheels.Cli.Options;
using Piwheels.Core.Packaging;
using Piwheels.Master;

namespace Piwheels.Cli.Commands;

/// <summary>`piw remove`: removes packages and versions by hand, or has them skipped, yanked or rid of their builds.</summary>
internal sealed class RemoveCommand : ImportQueueCommand
{
    private readonly Argument<string?> _package = NameArgument.Create("PACKAGE", "The package", required: true);

    private readonly Argument<string?> _version = NameArgument.Create(
        "VERSION", "The version; the package with all its versions unless named");

    private readonly Option<string?> _skip = new("--skip", "-s")
    {
        Description = "Keep it, but never build it, for this reason",
        HelpName = "REASON",
    };

    private readonly Option<bool> _builds = new("--builds") { Description = "Keep it, but remove its builds and files" };
    private readonly Option<bool> _yank = new("--yank") { Description = "Keep the version, but list it as yanked" };

    private readonly Setting<bool> _oldMaster;

    public RemoveCommand()
        : base("remove", "Removes packages and versions by hand, or skips or yanks them")
    {
        Command.Add(_package);
        Command.Add(_version);
        foreach (var option in new Option[] { _skip, _builds, _yank }) Command.Add(option);
        _oldMaster = Add(Settings.Flag("old-master", "The master is piwheels' before 0.20, which removes or skips with all builds"));
        AddMasterSettings();
    }

    protected override Task<int> RunAsync(CommandContext context)
    {
        var removal = Wanted(context);
        CheckAgreed(context, removal.Question);
        using var master = OpenMaster(context);
        Console.WriteLine(removal.Outcome(master.Ask(removal.Request, context.Stop)));
        return Task.FromResult(0);
    }

    private Removal Wanted(CommandContext context)
    {
        var (package, version) = (context.Parsed.GetValue(_package)!, context.Parsed.GetValue(_version));
        var skip = context.Parsed.GetValue(_skip);
        if (!PackageName.TryParse(package, out _)) throw Wrong($"'{Excerpt.Of(package)}' is not a package name");
        // An empty reason would be none, and all of it would go
        if (skip is not null && string.IsNullOrWhiteSpace(skip)) throw Wrong("--skip needs a reason");
        var yank = context.Parsed.GetValue(_yank);
        if (yank && version is null) throw Wrong("--yank is for versions: name one");
        var builds = context.Parsed.GetValue(_builds);
        var old = _oldMaster.In(context.Source);
        if (old && yank) throw Wrong("--yank is not known to an old master");
        // It would remove the version or the package itself
        if (old && builds && skip is null) throw Wrong("--builds is not known to an old master, unless with --skip");
        return new Removal(package, version, skip ?? "", builds || (old && skip is not null), yank) { OldMaster = old };
    }
}
