using System.CommandLine;

namespace Piwheels.Cli.Commands;

/// <summary>`piw config`: what is said in configuration files and in the environment.</summary>
internal static class ConfigCommand
{
    public const string Name = "config";

    public static Command Create() => new(Name, "Reads configuration files as the commands do")
    {
        new ConfigCheckCommand().Command,
        new ConfigShowCommand().Command,
    };
}
