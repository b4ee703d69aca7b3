using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Time.Testing;
using Piwheels.Testing;
using Piwheels.Web;
using Xunit;

namespace Piwheels.Tests.Web;

/// <summary>A site whose certificate was issued by an authority that clients know only through another one.</summary>
public sealed class TlsTests : IDisposable
{
    private static readonly DateTimeOffset From = DateTimeOffset.UnixEpoch;
    private static readonly DateTimeOffset Until = From.AddYears(200);

    private readonly TemporaryFolder _folder = new();
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _root;
    private readonly X509Certificate2 _between;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public TlsTests()
    {
        _root = AuthorityRequest("root").CreateSelfSigned(From, Until);
        using var signed = AuthorityRequest("between").Create(_root, From, Until, [1]);
        _between = signed.CopyWithPrivateKey(_key);
    }

    public void Dispose()
    {
        _root.Dispose();
        _between.Dispose();
        _key.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_client_that_knows_the_root_alone_is_shown_the_whole_chain()
    {
        var configuration = Certified("cert.pem", serial: 2);
        await using var site = await ServedSite.StartAsync(configuration);
        site.Write("index.html", "home");
        using var client = Client();
        Assert.Equal("https", site.Server.Address.Scheme);
        using var response = await client.GetAsync(site.Server.Address, Ct);
        Assert.Equal("home", await response.Content.ReadAsStringAsync(Ct));
    }

    [Fact]
    public async Task A_certificate_that_is_replaced_is_taken_and_one_that_cannot_be_read_is_not()
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        var configuration = Certified("cert.pem", serial: 2);
        await using var site = await ServedSite.StartAsync(configuration, time);
        site.Write("index.html", "home");
        Assert.Equal("02", await SerialShownAsync(site));

        Certified("cert.pem", serial: 3);
        File.SetLastWriteTimeUtc(_folder["cert.pem"], time.GetUtcNow().UtcDateTime.AddSeconds(5));
        Assert.Equal("02", await SerialShownAsync(site));
        time.Advance(TlsCertificate.LookInterval);
        Assert.Equal("03", await SerialShownAsync(site));

        _folder.Write("cert.pem", "half of a certifi");
        File.SetLastWriteTimeUtc(_folder["cert.pem"], time.GetUtcNow().UtcDateTime.AddSeconds(10));
        time.Advance(TlsCertificate.LookInterval);
        Assert.Equal("03", await SerialShownAsync(site));
        Assert.True(site.Log.Says("the one read before stays"));
    }

    private async Task<string> SerialShownAsync(ServedSite site)
    {
        string? serial = null;
        using var client = Client(certificate => serial = certificate.SerialNumber);
        using var response = await client.GetAsync(site.Server.Address, Ct);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return serial!;
    }

    private HttpClient Client(Action<X509Certificate2>? seen = null)
    {
        var trust = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        trust.CustomTrustStore.Add(_root);
        return new HttpClient(new SocketsHttpHandler
        {
            SslOptions =
            {
                CertificateChainPolicy = trust,
                RemoteCertificateValidationCallback = (_, certificate, _, errors) =>
                {
                    seen?.Invoke((X509Certificate2)certificate!);
                    return errors == SslPolicyErrors.None;
                },
            },
        });
    }

    private WebConfiguration Certified(string name, byte serial)
    {
        var request = new CertificateRequest("CN=site", _key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var signed = request.Create(_between, From, Until, [serial]);
        _folder.Write(name, signed.ExportCertificatePem() + "\n" + _between.ExportCertificatePem() + "\n");
        return new WebConfiguration
        {
            CertificateFile = _folder[name],
            KeyFile = _folder.Write("key.pem", _key.ExportPkcs8PrivateKeyPem()),
        };
    }

    private CertificateRequest AuthorityRequest(string name)
    {
        var request = new CertificateRequest($"CN={name}", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request;
    }
}
