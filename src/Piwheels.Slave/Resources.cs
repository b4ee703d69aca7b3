using System.Text;

namespace Piwheels.Slave;

/// <summary>The Python programs that this one carries.</summary>
internal static class Resources
{
    private static readonly Lazy<string> RelayText = new(() => Read("relay.py"));
    private static readonly Lazy<string> PrepareText = new(() => Read("prepare.py"));
    private static readonly Lazy<string> TrialText = new(() => Read("trial.py"));
    private static readonly Lazy<string> FactsText = new(() => Read("facts.py"));

    /// <summary>Has an interpreter tell about itself.</summary>
    public static string Facts => FactsText.Value;

    /// <summary>Carries a sandbox's connections to the slave's proxy.</summary>
    public static string Relay => RelayText.Value;

    /// <summary>Fetches what a build without network needs.</summary>
    public static string Prepare => PrepareText.Value;

    /// <summary>Imports what a wheel has.</summary>
    public static string Trial => TrialText.Value;

    private static string Read(string name)
    {
        using var stream = typeof(Resources).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
