using System.CommandLine;
using Piwheels.Cli.Administration;
using Piwheels.Cli.Options;

namespace Piwheels.Cli.Commands;

/// <summary>`piw rebuild`: has pages written again.</summary>
internal sealed class RebuildCommand : ImportQueueCommand
{
    private readonly Argument<string> _pages = new("PAGES")
    {
        Description = $"Which: {string.Join(", ", PageWish.Words)}",
    };

    private readonly Argument<string?> _package = NameArgument.Create(
        "PACKAGE", "With project or index: the package; all packages unless named");

    public RebuildCommand()
        : base("rebuild", "Has the master write pages again: the home page, the search, or those of packages")
    {
        _pages.CompletionSources.Add([.. PageWish.Words]);
        Command.Add(_pages);
        Command.Add(_package);
        AddMasterSettings();
    }

    protected override Task<int> RunAsync(CommandContext context)
    {
        var wish = PageWish.Of(context.Parsed.GetValue(_pages)!, context.Parsed.GetValue(_package));
        if (wish.IsOfAll) CheckAgreed(context, wish.Question);
        using var master = OpenMaster(context);
        Console.WriteLine(wish.Outcome(master.Ask(wish.Request, context.Stop)));
        return Task.FromResult(0);
    }
}
