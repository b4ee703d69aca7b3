using Piwheels.Slave.Building;

namespace Piwheels.Slave.Sandboxing;

/// <summary>
/// What of the machine a sandbox shows, all of it read-only: the system's programs and libraries, the interpreter, and
/// of /etc what compilers and libraries look up there. Not shown: homes, /var, /opt, /srv, /run, other processes.
/// </summary>
internal static class SystemView
{
    // Links into /usr on a merged system, folders elsewhere
    private static readonly string[] Roots = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];

    // No passwords, keys or configuration of services; /etc/ssl has a folder of private keys
    private static readonly string[] Settings =
    [
        "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "ssl/certs", "ssl/openssl.cnf", "ca-certificates",
        "pki/tls/certs", "pki/ca-trust", "crypto-policies", "localtime", "timezone", "os-release", "lsb-release",
        "debian_version", "mime.types", "magic", "magic.mime", "protocols", "services", "fonts", "xml", "sgml",
        "openmpi", "mpich", "python3", "python3.11", "python3.12", "python3.13", "java-17-openjdk", "java-21-openjdk",
    ];

    private static readonly string[] NetworkSettings = ["resolv.conf", "hosts", "host.conf", "nsswitch.conf", "gai.conf"];

    private static readonly string[] CertificateVariables =
        ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT", "GIT_SSL_CAINFO", "CARGO_HTTP_CAINFO"];

    /// <summary>The system, as bwrap's arguments.</summary>
    public static IEnumerable<string> Arguments()
    {
        string[] arguments = ["--ro-bind", "/usr", "/usr"];
        foreach (var root in Roots)
        {
            var folder = new DirectoryInfo("/" + root);
            if (folder.LinkTarget is { } target) arguments = [.. arguments, "--symlink", target, folder.FullName];
            else if (folder.Exists) arguments = [.. arguments, "--ro-bind", folder.FullName, folder.FullName];
        }

        return [.. arguments, "--dir", "/etc", "--dir", "/run", "--dir", "/var", "--symlink", "/tmp", "/var/tmp", .. Etc(Settings)];
    }

    /// <summary>How names are looked up, for a build that may reach everything.</summary>
    public static IEnumerable<string> NetworkArguments() => Etc(NetworkSettings);

    /// <summary>
    /// Folders that are not the system's: the interpreter's, the toolchains of Rust, those of the settings. Where a folder
    /// has the home folder or the builds in it, showing it would show too much, and it is left out.
    /// </summary>
    /// <param name="folders">Absolute; those that are not there, or are the system's, are passed over.</param>
    /// <param name="hidden">What must not be seen by way of a folder above it.</param>
    public static IEnumerable<string> Arguments(IEnumerable<string> folders, IReadOnlyList<string> hidden) => folders
        .Concat(Certificates())
        .Where(folder => Path.IsPathRooted(folder) && Path.Exists(folder))
        .Select(folder => Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)))
        .Where(folder => !IsShown(folder) && !hidden.Any(place => IsWithin(place, folder)))
        .Distinct(StringComparer.Ordinal)
        .Order(StringComparer.Ordinal) // A folder before what is in it, which would be covered by it else
        .SelectMany(folder => (string[])["--ro-bind", folder, folder]);

    /// <summary>Rust's toolchains as rustup installs them, without cargo's folder, which may hold passwords.</summary>
    public static IEnumerable<string> RustFolders()
    {
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        if (home.Length == 0) yield break;
        yield return Path.Combine(home, ".cargo", "bin");
        yield return Environment.GetEnvironmentVariable("RUSTUP_HOME") ?? Path.Combine(home, ".rustup");
    }

    /// <summary>Whether a path is a folder, or something in it.</summary>
    internal static bool IsWithin(string path, string folder) =>
        folder == "/" || path == folder || path.StartsWith(folder + "/", StringComparison.Ordinal);

    private static bool IsShown(string folder) =>
        IsWithin(folder, "/usr") || IsWithin(folder, "/etc/ssl/certs") || IsWithin(folder, "/proc") || IsWithin(folder, "/dev")
        || Roots.Any(root => IsWithin(folder, "/" + root));

    private static IEnumerable<string> Certificates() =>
        CertificateVariables.Select(Environment.GetEnvironmentVariable).OfType<string>();

    private static IEnumerable<string> Etc(IEnumerable<string> names) =>
        names.Select(name => "/etc/" + name).Where(Path.Exists).SelectMany(path => (string[])["--ro-bind", path, path]);
}
