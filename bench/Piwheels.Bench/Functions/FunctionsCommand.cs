using System.CommandLine;

namespace Piwheels.Bench.Functions;

internal static class FunctionsCommand
{
    public static Command Create() => new("functions", "x");
}
