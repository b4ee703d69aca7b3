namespace Piwheels.Slave.Sandboxing;

/// <summary>What a build may reach.</summary>
public enum BuildNetwork
{
    /// <summary>The indexes and the hosts of their files, by a proxy that knows no others.</summary>
    Index,

    /// <summary>Nothing: what it needs is fetched before any of its code runs.</summary>
    None,

    /// <summary>Whatever its machine reaches, that machine's own services included.</summary>
    Full,
}

/// <summary>Whether builds run in a sandbox.</summary>
public enum SandboxMode
{
    /// <summary>Where it can run, else without, with a warning.</summary>
    Auto,

    /// <summary>Or not at all.</summary>
    Always,

    /// <summary>Never.</summary>
    Never,
}
