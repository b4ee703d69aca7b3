using System.Globalization;
using Piwheels.Cli.Options;
using Piwheels.Cli.Posix;
using Piwheels.Cli.Up;
using Piwheels.Storage;
using Piwheels.Storage.Private;

namespace Piwheels.Cli.Commands;

/// <summary>
/// A command that speaks to a farm's database: the one that is named, else that of the farm which `piw up` runs in its
/// usual folder, else the usual one of this machine.
/// </summary>
internal abstract class FarmDatabaseCommand : PiwCommand
{
    private const string UsualDsn = "postgresql:///piwheels";

    private readonly Setting<string> _dsn;
    private readonly Setting<string> _data;

    protected FarmDatabaseCommand(string name, string section, string description)
        : base(name, section, description)
    {
        _dsn = Add(Settings.Database(
            "dsn", $"Where the database is; the farm of 'piw up' in its usual folder, else {UsualDsn}", "", "-d"));
        _data = Add(Settings.Text("data", "The data folder of a running farm of 'piw up', to find its database", ""));
    }

    /// <summary>Does the work with the farm's database.</summary>
    protected abstract Task<int> RunAsync(CommandContext context, Database database);

    /// <summary>What to call this command with once more, as another user who cannot read what this one can.</summary>
    protected abstract IEnumerable<string> ArgumentsFor(CommandContext context);

    protected override async Task<int> RunAsync(CommandContext context)
    {
        await using var database = new Database(Find(context));
        await database.CheckVersionAsync(context.Stop);
        return await RunAsync(context, database);
    }

    private Dsn Find(CommandContext context)
    {
        var (dsn, data) = (_dsn.In(context.Source), _data.In(context.Source));
        if (dsn.Length > 0 && data.Length > 0)
            throw new CommandFault("name the farm by --dsn or by --data, not by both", CommandFault.WrongUsage);
        if (dsn.Length > 0) return Dsn.Parse(dsn);
        if (data.Length > 0)
        {
            return InFolder(context, Path.GetFullPath(data))
                ?? throw new CommandFault($"no farm runs in {Path.GetFullPath(data)}: 'piw up --data' starts one");
        }

        return UsualFolders().Select(folder => InFolder(context, folder)).FirstOrDefault(found => found is not null)
            ?? Dsn.Parse(UsualDsn);
    }

    private Dsn? InFolder(CommandContext context, string folder)
    {
        var cluster = Path.Combine(folder, DataFolder.ClusterName);
        if (PrivateCluster.FindRunning(cluster) is not { } dsn) return null;
        LeaveRoot(context, folder);
        return dsn;
    }

    /// <summary>The private database lets its own user in and nobody else, root neither.</summary>
    private void LeaveRoot(CommandContext context, string folder)
    {
        if (!Privileges.IsRoot || NativeMethods.OwnerOf(folder) is not { } owner || owner == 0) return;
        var account = Account.Find(owner.ToString(CultureInfo.InvariantCulture))
            ?? throw new CommandFault($"{folder} belongs to user {owner}, whom this machine does not know");
        Privileges.RestartAs(
            account, folder, [.. FullName.Split(' '), .. ArgumentsFor(context), "--data", folder]);
    }

    /// <summary>Where `piw up` keeps its farm unless told otherwise.</summary>
    private static IEnumerable<string> UsualFolders()
    {
        string?[] homes = Privileges.IsRoot
            ?
            [
                Account.Find(Environment.GetEnvironmentVariable("SUDO_UID") ?? "")?.Home,
                Account.Find(Privileges.DefaultAccount)?.Home,
            ]
            : [Environment.GetFolderPath(Environment.SpecialFolder.UserProfile)];
        return homes.OfType<string>().Select(home => DataFolder.Default(home, DataFolder.UsualName));
    }
}
