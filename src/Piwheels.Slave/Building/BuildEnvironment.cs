using System.Collections;
using Piwheels.Slave.Python;

namespace Piwheels.Slave.Building;

/// <summary>The environment variables that a build sees: these, and no others of the slave's own.</summary>
internal static class BuildEnvironment
{
    private const string SystemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>Handed on as they are: how the network is reached, and whose certificates are trusted there.</summary>
    private static readonly HashSet<string> HandedOn = new(StringComparer.OrdinalIgnoreCase)
    {
        "http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT", "GIT_SSL_CAINFO",
        "CARGO_HTTP_CAINFO",
    };

    /// <summary>The variables for a build in a folder.</summary>
    public static Dictionary<string, string> ForBuild(BuildFolder folder, string python)
    {
        var variables = ForProbe(folder.Home, python);
        variables["TMPDIR"] = folder.Temporary;
        variables["PIWHEELS_BUILD"] = "1";
        return variables;
    }

    /// <summary>The variables for asking an interpreter about itself: the same, less the build's folder.</summary>
    public static Dictionary<string, string> ForProbe(string home, string python)
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
            if (variable is { Key: string name, Value: string value } && HandedOn.Contains(name))
                variables.TryAdd(name, value);
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
