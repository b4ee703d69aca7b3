using System.Collections;
using Piwheels.Slave.Sandboxing;

namespace Piwheels.Slave.Building;

/// <summary>The environment variables that a build sees: these, and no others of the slave's own.</summary>
internal static class BuildEnvironment
{
    private const string SystemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>How the network is reached: handed on as they are to a build that may reach it by itself.</summary>
    private static readonly HashSet<string> Network = new(StringComparer.OrdinalIgnoreCase)
    {
        "http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy",
    };

    private static readonly string[] ProxyNames = ["http_proxy", "https_proxy", "all_proxy"];

    /// <summary>Handed on as they are: whose certificates are trusted.</summary>
    private static readonly HashSet<string> Certificates = new(StringComparer.OrdinalIgnoreCase)
    {
        "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT", "GIT_SSL_CAINFO",
        "CARGO_HTTP_CAINFO",
    };

    /// <summary>The variables for a build in its place.</summary>
    /// <param name="proxy">The only way to the network; null where there is none, or none is needed.</param>
    /// <param name="hasNetwork">Whether it reaches the network by itself.</param>
    public static Dictionary<string, string> ForBuild(BuildPlace place, string python, Uri? proxy, bool hasNetwork)
    {
        var variables = ForProbe(place.Home, python, hasNetwork);
        variables["TMPDIR"] = place.Temporary;
        variables["PIWHEELS_BUILD"] = "1";
        if (proxy is null) return variables;
        foreach (var name in ProxyNames) // curl and cargo read the one, others the other
        {
            variables[name] = proxy.AbsoluteUri;
            variables[name.ToUpperInvariant()] = proxy.AbsoluteUri;
        }

        return variables;
    }

    /// <summary>The variables for asking an interpreter about itself: the same, less the build's folder.</summary>
    public static Dictionary<string, string> ForProbe(string home, string python, bool hasNetwork = true)
    {
        var userHome = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        var variables = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["PATH"] = string.Join(':', SearchPath(userHome, python)),
            ["HOME"] = home,
            ["LANG"] = "C.UTF-8",
            ["PIP_CONFIG_FILE"] = "/dev/null",
            ["PIP_NO_INPUT"] = "1",
            ["PYTHONUNBUFFERED"] = "1", // What was printed before a build is stopped shall be in its log
            ["GIT_ALLOW_PROTOCOL"] = "file", // A build that clones submodules is not the release that was asked for
        };

        // The home folder is the build's own, so that rustup would not find the toolchains beside ~/.cargo/bin
        var toolchains = Environment.GetEnvironmentVariable("RUSTUP_HOME") ?? Path.Combine(userHome, ".rustup");
        if (Directory.Exists(toolchains)) variables["RUSTUP_HOME"] = toolchains;
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            if (variable is { Key: string name, Value: string value }
                && (Certificates.Contains(name) || (hasNetwork && Network.Contains(name))))
            {
                variables.TryAdd(name, value);
            }
        }

        return variables;
    }

    private static IEnumerable<string> SearchPath(string userHome, string python)
    {
        yield return Path.Combine(userHome, ".cargo", "bin");
        var folder = Path.GetDirectoryName(python);
        if (!string.IsNullOrEmpty(folder) && !SystemPath.Split(':').Contains(folder, StringComparer.Ordinal))
            yield return folder;
        yield return SystemPath;
    }
}
