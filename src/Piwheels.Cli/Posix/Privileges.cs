using System.Collections;
using System.Runtime.InteropServices;

namespace Piwheels.Cli.Posix;

/// <summary>
/// Drops root's rights for good: PostgreSQL, master and slave refuse root, and a farm runs other people's code. The
/// program is started again in its place as an ordinary user, so that nothing opened or loaded as root remains.
/// </summary>
internal static class Privileges
{
    public const string DefaultAccount = "piwheels";
    private const string DefaultHome = "/var/lib/piwheels";

    public static bool IsRoot => NativeMethods.GetEffectiveUserId() == 0;

    /// <summary>
    /// Who the farm runs as when root starts it: the user named, else the one who called sudo, else the account
    /// piwheels, which is made when there is none.
    /// </summary>
    /// <param name="named">A user's name; empty when none was named.</param>
    /// <param name="say">Told in one line when an account is made.</param>
    public static Account ChooseAccount(string named, Action<string> say)
    {
        if (named.Length > 0)
        {
            var account = Account.Find(named) ?? throw new CommandFault($"there is no user '{named}'");
            return account.UserId != 0 ? account : throw new CommandFault("the farm does not run as root");
        }

        if (Environment.GetEnvironmentVariable("SUDO_UID") is { Length: > 0 } id && id != "0"
            && Account.Find(id) is { } caller)
        {
            return caller;
        }

        if (Account.Find(DefaultAccount) is { } known) return known;
        var made = Account.Create(DefaultAccount, DefaultHome);
        say($"Made the system account '{made.Name}' to run the farm under.");
        return made;
    }

    /// <summary>
    /// Replaces this process by the same program run by <paramref name="account"/>. The program is copied below
    /// <paramref name="folder"/> first when that user cannot read it where it is (a checkout in root's home).
    /// </summary>
    public static void RestartAs(Account account, string folder, IReadOnlyList<string> arguments)
    {
        var program = ProgramFile.Locate();
        if (!program.IsReadableByOthers()) program = program.CopyBelow(Path.Combine(folder, "program"));
        var environment = EnvironmentFor(account);
        Environment.CurrentDirectory = "/";
        if (NativeMethods.InitGroups(account.Name, account.GroupId) != 0
            || NativeMethods.SetGroupId(account.GroupId) != 0
            || NativeMethods.SetUserId(account.UserId) != 0)
        {
            throw Failed($"cannot become user '{account.Name}'");
        }

        string?[] command = [.. program.CommandLine, .. arguments, null];
        _ = NativeMethods.Execute(command[0]!, command, environment);
        throw Failed($"cannot run {command[0]} as user '{account.Name}'");
    }

    private static string?[] EnvironmentFor(Account account)
    {
        var variables = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .ToDictionary(entry => (string)entry.Key, entry => entry.Value as string ?? "");
        foreach (var name in variables.Keys.Where(IsRootsOwn).ToList()) variables.Remove(name);
        variables["HOME"] = account.Home;
        variables["USER"] = variables["LOGNAME"] = account.Name;
        return [.. variables.Select(pair => $"{pair.Key}={pair.Value}"), null];
    }

    private static bool IsRootsOwn(string name) =>
        name is "MAIL" or "OLDPWD" or "PWD" || name.StartsWith("XDG_", StringComparison.Ordinal)
        || name.StartsWith("SUDO_", StringComparison.Ordinal);

    private static CommandFault Failed(string what) =>
        new($"{what}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");
}
