using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Piwheels.Master.Upstream;

/// <summary>The certificates of authorities that the environment says to trust in the place of the system's.</summary>
internal static class TrustedCertificates
{
    /// <summary>What pip reads, in pip's order; each names a file of certificates or a folder of such files.</summary>
    private static readonly string[] OfPip = ["PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];

    /// <summary>What OpenSSL reads: a file, and folders separated by colons; both count where both are set.</summary>
    private const string File = "SSL_CERT_FILE";
    private const string Folders = "SSL_CERT_DIR";

    /// <summary>
    /// Reads those of the first of pip's variables that is set, else those of OpenSSL's; null where none is set.
    /// </summary>
    /// <param name="variable">A variable's value, null where it is not set.</param>
    /// <exception cref="InvalidOperationException">A variable names something that holds no certificates.</exception>
    internal static X509Certificate2Collection? Read(Func<string, string?> variable)
    {
        foreach (var name in OfPip)
        {
            if (variable(name) is { Length: > 0 } path)
                return Directory.Exists(path) ? FromFolders(name, [path]) : FromFile(name, path);
        }

        var file = variable(File) is { Length: > 0 } named ? FromFile(File, named) : null;
        if (variable(Folders) is not { Length: > 0 } folders) return file;
        var all = FromFolders(Folders, folders.Split(':', StringSplitOptions.RemoveEmptyEntries));
        all.AddRange(file ?? []);
        return all;
    }

    private static X509Certificate2Collection FromFile(string variable, string path)
    {
        var found = new X509Certificate2Collection();
        try
        {
            found.ImportFromPemFile(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new InvalidOperationException($"{variable}: cannot read certificates from {path}: {e.Message}", e);
        }

        return found.Count > 0
            ? found
            : throw new InvalidOperationException($"{variable}: there is no certificate in {path}");
    }

    /// <summary>
    /// Those of all files that hold some. Files of other kinds are passed over, and so is a certificate that stands
    /// there twice, as they do in folders that OpenSSL made links in.
    /// </summary>
    private static X509Certificate2Collection FromFolders(string variable, string[] folders)
    {
        var found = new X509Certificate2Collection();
        var known = new HashSet<string>(StringComparer.Ordinal);
        var readable = new EnumerationOptions { IgnoreInaccessible = true };
        var files = folders.Where(Directory.Exists).SelectMany(f => Directory.EnumerateFiles(f, "*", readable));
        foreach (var path in files)
        {
            var one = new X509Certificate2Collection();
            try
            {
                one.ImportFromPemFile(path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
            {
                continue;
            }

            foreach (var certificate in one)
            {
                if (known.Add(certificate.GetCertHashString(HashAlgorithmName.SHA256))) found.Add(certificate);
            }
        }

        return found.Count > 0
            ? found
            : throw new InvalidOperationException(
                $"{variable}: there is no certificate in {string.Join(" or ", folders)}");
    }
}
