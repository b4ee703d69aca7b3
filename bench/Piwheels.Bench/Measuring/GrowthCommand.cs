using System.CommandLine;

namespace Piwheels.Bench.Measuring;

internal static class GrowthCommand
{
    public static Command Create() => new("growth", "x");
}
