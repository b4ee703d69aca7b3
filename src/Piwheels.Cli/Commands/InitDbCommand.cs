using Piwheels.Cli.Options;
using Piwheels.Storage;
using Piwheels.Storage.Schema;

namespace Piwheels.Cli.Commands;

/// <summary>`piw initdb`: creates the database's tables and functions, or brings them up to date.</summary>
internal sealed class InitDbCommand : PiwCommand
{
    private readonly Setting<string> _dsn;
    private readonly Setting<string> _user;
    private readonly Setting<bool> _yes;

    public InitDbCommand()
        : base("initdb", "initdb", "Creates the database, or upgrades it to this version; as a superuser of the database")
    {
        _dsn = Add(Settings.Database("dsn", "Where the database is", "postgresql:///piwheels", "-d"));
        _user = Add(Settings.Text("user", "The ordinary user that the master connects as", "piwheels", "-u"));
        _yes = Add(Settings.Flag("yes", "Do not ask", "-y"));
    }

    protected override async Task<int> RunAsync(CommandContext context)
    {
        var user = _user.In(context.Source);
        await using var installer = await SchemaInstaller.ConnectAsync(Dsn.Parse(_dsn.In(context.Source)), context.Stop);
        await installer.DetectUsersAsync(user, context.Stop);
        var progress = new Lines();
        var found = await installer.DetectVersionAsync(progress, context.Stop);
        if (found.Kind == SchemaKind.Current)
        {
            Console.WriteLine($"The database is of version {found.Version} already.");
            return 0;
        }

        // Refuses what it cannot work on, before anything is asked
        _ = SchemaInstaller.GetScript(found);
        if (!_yes.In(context.Source) && !Agrees(found))
        {
            Console.WriteLine("Nothing was changed.");
            return CommandFault.WrongUsage;
        }

        try
        {
            await installer.ApplyAsync(found, user, progress, context.Stop);
        }
        catch (OperationCanceledException fault)
        {
            throw new CommandFault("stopped; nothing was changed", inner: fault);
        }

        Console.WriteLine("The database is ready.");
        return 0;
    }

    private static bool Agrees(SchemaFound found) => Question.IsAgreedTo(found.Kind switch
    {
        SchemaKind.Empty => "The database is empty. Create the tables and functions in it?",
        SchemaKind.Piwheels => $"This is a database of piwheels {found.Version}. Upgrade it, all in one transaction "
            + "(piwheels cannot use it any more then; have a dump of it)?",
        _ => $"The database is of version {found.Version}. Upgrade it, all in one transaction?",
    });

    /// <summary>
    /// A line for each step, when it begins, and for each note; in order, unlike <see cref="Progress{T}"/>, which
    /// reports on other threads.
    /// </summary>
    private sealed class Lines : IProgress<SchemaProgress>
    {
        private string _step = "";

        public void Report(SchemaProgress value)
        {
            if (value.Step != _step) Console.WriteLine($"{value.Step} ...");
            _step = value.Step;
            if (value.Note is not null) Console.WriteLine(_step.Length > 0 ? $"    {value.Note}" : value.Note);
        }
    }
}
