using System.CommandLine;

namespace Piwheels.Bench.Loading;

/// <summary>`load`: a real master under the load of fake slaves.</summary>
internal static class LoadCommand
{
    public static Command Create()
    {
        var options = new LoadOptions();
        return new Command("load", "Measures a real master under the load of fake slaves")
        {
            RecordedBuilds.Create(options),
            Replies.Create(options),
            Outage.Create(options),
            Transfers.Create(options),
        };
    }
}
