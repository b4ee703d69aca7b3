using Microsoft.Extensions.Logging;
using Piwheels.Cli.Options;
using Piwheels.Cli.Posix;
using Piwheels.Cli.Up;
using Spectre.Console;

namespace Piwheels.Cli.Commands;

/// <summary>
/// What `piw up` and `piw demo` have in common: the data folder, who owns it, and where progress is shown. Started by
/// root, they go on as an ordinary user.
/// </summary>
internal abstract class FarmCommand : PiwCommand
{
    private readonly string _folderName;
    private readonly Setting<string> _data;
    private readonly Setting<string> _listen;
    private readonly Setting<string> _user;
    private readonly Setting<string> _python;

    protected FarmCommand(string name, string description, string folderName, string listen)
        : base(name, name, description)
    {
        _folderName = folderName;
        _data = Add(Settings.Text("data", $"Where to keep everything; ~/.local/share/{folderName} unless named", ""));
        _listen = Add(new Setting<string>("listen", "Address and port of the web server", listen, static text =>
        {
            _ = ListenAddress.Parse(text);
            return text;
        }));
        _user = Add(Settings.Text("user", "Who to run as when started by root; the one who called sudo, or piwheels", ""));
        _python = Add(Settings.Text("python", "The Python to build for; the first on PATH unless named", ""));
    }

    protected override LogLevel QuietestLevel => LogLevel.Warning;

    protected string ListenText(CommandContext context) => _listen.In(context.Source);

    protected string Python(CommandContext context) => _python.In(context.Source);

    protected string DataPath(CommandContext context)
    {
        var named = _data.In(context.Source);
        return named.Length > 0
            ? Path.GetFullPath(named)
            : DataFolder.Default(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), _folderName);
    }

    /// <summary>Started by root, this process is replaced by one of an ordinary user, and the call does not return.</summary>
    /// <param name="more">Arguments to add: what stood in files that the other user may not read.</param>
    protected void LeaveRoot(CommandContext context, IEnumerable<string> more)
    {
        if (!Privileges.IsRoot) return;
        var account = Privileges.ChooseAccount(_user.In(context.Source), Console.Error.WriteLine);
        var named = _data.In(context.Source);
        var folder = named.Length > 0 ? Path.GetFullPath(named) : DataFolder.Default(account.Home, _folderName);
        DataFolder.GiveTo(folder, account);
        Privileges.RestartAs(account, folder, [.. Arguments(), "--data", folder, .. more]);
    }

    /// <summary>Live on a terminal, else plain lines.</summary>
    protected static IFarmView OpenView()
    {
        var terminal = !Console.IsOutputRedirected && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");
        return terminal ? new LiveView(AnsiConsole.Console) : new PlainView(Console.Out);
    }

    /// <summary>Options whose value may name a file or a folder.</summary>
    private static readonly string[] FileOptions =
    [
        "--data", "--requirements", "--constraint", FollowedNamesSettings.OnlyOption, FollowedNamesSettings.NeverOption,
        RecipeSettings.Option, KeySettings.FolderOption,
    ];

    // As given, but for files and folders that mean something else, or nothing, to another user
    private static IEnumerable<string> Arguments()
    {
        var given = Program.Arguments;
        for (var at = 0; at < given.Count; at++)
        {
            if (given[at] == "-r" || FileOptions.Contains(given[at])) at++;
            else if (!IsFileWithValue(given[at])) yield return given[at];
        }
    }

    private static bool IsFileWithValue(string argument) =>
        FileOptions.Any(option => argument.StartsWith(option + "=", StringComparison.Ordinal))
        || (argument.StartsWith("-r", StringComparison.Ordinal) && argument.Length > 2);
}
