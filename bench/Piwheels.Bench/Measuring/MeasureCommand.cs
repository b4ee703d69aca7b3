using System.CommandLine;

namespace Piwheels.Bench.Measuring;

internal static class MeasureCommand
{
    public static Command Create() => new("measure", "x");
}
