namespace Piwheels.Cli;

/// <summary>A command cannot go on, and its user can be told why in one line. Ends the program with the exit code.</summary>
internal sealed class CommandFault(string message, int exitCode = CommandFault.Failed, Exception? inner = null)
    : Exception(message, inner)
{
    public const int Failed = 1;
    public const int WrongUsage = 2;

    public int ExitCode { get; } = exitCode;
}
