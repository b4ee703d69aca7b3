using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Piwheels.Testing;

/// <summary>An authority of a test's own, and the certificates that it gives to servers.</summary>
public sealed class CertificateMaker : IDisposable
{
    private static readonly DateTimeOffset Now = TimeProvider.System.GetUtcNow();
    private readonly X509Certificate2 _authority;

    public CertificateMaker()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=A test's authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        _authority = request.CreateSelfSigned(Now.AddDays(-30), Now.AddDays(30));
    }

    /// <summary>The authority itself, as a bundle of certificates has it.</summary>
    public string Pem => _authority.ExportCertificatePem();

    /// <summary>One for a host, or for 127.0.0.1 and <c>index.test</c>.</summary>
    /// <param name="host">Null for those two.</param>
    /// <param name="days">How long it is good from now on; negative for one that was good until then.</param>
    public X509Certificate2 ForServer(string? host = null, int days = 7)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = RequestFor(host, key);
        using var signed = request.Create(
            _authority, Now.AddDays(-20), Now.AddDays(days), RandomNumberGenerator.GetBytes(8));
        return WithKey(signed.CopyWithPrivateKey(key));
    }

    /// <summary>One that no authority has signed.</summary>
    public static X509Certificate2 SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return WithKey(RequestFor(null, key).CreateSelfSigned(Now.AddDays(-1), Now.AddDays(1)));
    }

    public void Dispose() => _authority.Dispose();

    private static CertificateRequest RequestFor(string? host, ECDsa key)
    {
        var request = new CertificateRequest($"CN={host ?? "index.test"}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(host ?? "index.test");
        if (host is null) names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        return request;
    }

    // A server wants the key in the form that a file has it
    private static X509Certificate2 WithKey(X509Certificate2 certificate)
    {
        using (certificate)
            return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null);
    }
}
