namespace Piwheels.Cli.Options;

/// <summary>A question on the terminal before something is changed.</summary>
internal static class Question
{
    /// <summary>Whether there is somebody to ask.</summary>
    public static bool CanBeAsked => !Console.IsInputRedirected;

    /// <summary>Asks; anything but yes is no.</summary>
    /// <exception cref="CommandFault">Nobody can be asked, and so nothing is to be changed.</exception>
    public static bool IsAgreedTo(string question)
    {
        if (!CanBeAsked)
            throw new CommandFault("nobody can be asked here: say --yes to go on", CommandFault.WrongUsage);
        Console.Write($"{question} [y/N] ");
        return Console.ReadLine()?.Trim().ToUpperInvariant() is "Y" or "YES";
    }
}
