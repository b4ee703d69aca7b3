using System.CommandLine;
using System.Globalization;
using Piwheels.Cli.Administration;
using Piwheels.Cli.Options;
using Piwheels.Core.Database;
using Piwheels.Core.Packaging;
using Piwheels.Storage;

namespace Piwheels.Cli.Commands;

/// <summary>`piw policy`: what is done about wheels that upstream has itself.</summary>
internal sealed class PolicyCommand : FarmDatabaseCommand
{
    private readonly Argument<string> _action = new("ACTION") { Description = "list, set or clear" };

    private readonly Argument<string[]> _words = new("PACKAGE... POLICY")
    {
        Description = "The packages; and to set, what is done: rebuild, defer or link",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<bool> _default = new("--default")
    {
        Description = "Set it for all packages that have none of their own",
    };

    private readonly Option<bool> _json = new("--json") { Description = "Of list: as JSON, for programs" };

    public PolicyCommand()
        : base("policy", "policy", "Shows and changes what is done about wheels that upstream has itself")
    {
        _action.AcceptOnlyFromAmong("list", "set", "clear");
        Command.Add(_action);
        Command.Add(_words);
        Command.Add(_default);
        Command.Add(_json);
    }

    protected override Task<int> RunAsync(CommandContext context)
    {
        // What is wrong with the words is told before anything is looked for
        _ = Read(context);
        return base.RunAsync(context);
    }

    protected override async Task<int> RunAsync(CommandContext context, Database database)
    {
        var (action, packages, policy, all) = Read(context);
        if (action == "list") return await ListAsync(database, packages, context.Parsed.GetValue(_json));
        var changed = all && await database.SetUpstreamPolicyAsync(policy!.Value);
        foreach (var package in packages) changed |= await database.SetUpstreamPolicyAsync(package, policy);
        Console.WriteLine(changed
            ? "Changed. A running master has it take effect, package by package."
            : "Nothing is treated otherwise than before.");
        return 0;
    }

    protected override IEnumerable<string> ArgumentsFor(CommandContext context) =>
    [
        context.Parsed.GetRequiredValue(_action), .. context.Parsed.GetValue(_words) ?? [],
        .. context.Parsed.GetValue(_default) ? ["--default"] : Array.Empty<string>(),
        .. context.Parsed.GetValue(_json) ? ["--json"] : Array.Empty<string>(),
    ];

    private (string Action, List<PackageName> Packages, UpstreamPolicy? Policy, bool All) Read(CommandContext context)
    {
        var action = context.Parsed.GetRequiredValue(_action);
        var words = context.Parsed.GetValue(_words) ?? [];
        var all = context.Parsed.GetValue(_default);
        var policy = action == "set" ? PolicyOf(words) : (UpstreamPolicy?)null;
        var packages = NameArgument.ParseAll(action == "set" ? words[..^1] : words);
        if (all && (action != "set" || packages.Count > 0))
            throw new CommandFault("--default goes with 'set POLICY', without a package", CommandFault.WrongUsage);
        if (!all && action != "list" && packages.Count == 0)
            throw new CommandFault("name a package, or set --default", CommandFault.WrongUsage);
        return (action, packages, policy, all);
    }

    private static async Task<int> ListAsync(Database database, List<PackageName> packages, bool json)
    {
        var policies = await database.GetUpstreamPoliciesAsync();
        if (json)
        {
            var shown = packages.Count > 0
                ? packages.Select(package => (Name: package, Policy: policies.Of(package)))
                : policies.OfPackages.Select(static own => (Name: own.Key, Policy: own.Value));
            Listings.Write(new PolicyListing(
                packages.Count > 0 ? null : UpstreamPolicies.WordOf(policies.Farm),
                new SortedDictionary<string, string>(
                    shown.ToDictionary(static each => each.Name.Value, static each => UpstreamPolicies.WordOf(each.Policy)),
                    StringComparer.Ordinal),
                await database.CountUpstreamOwedAsync()));
            return 0;
        }

        if (packages.Count > 0)
        {
            foreach (var package in packages)
                Console.WriteLine($"{package}: {UpstreamPolicies.WordOf(policies.Of(package))}");
            return 0;
        }

        Console.WriteLine($"all packages: {UpstreamPolicies.WordOf(policies.Farm)}");
        foreach (var own in policies.OfPackages.OrderBy(own => own.Key))
            Console.WriteLine($"{own.Key}: {UpstreamPolicies.WordOf(own.Value)}");
        var owed = await database.CountUpstreamOwedAsync();
        if (owed > 0)
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"What upstream has is still to be read for {owed:N0} packages."));
        return 0;
    }

    private static UpstreamPolicy PolicyOf(string[] words) =>
        UpstreamPolicies.TryParseWord(words.LastOrDefault(), out var policy)
            ? policy
            : throw new CommandFault("the last word is the policy: rebuild, defer or link", CommandFault.WrongUsage);
}
