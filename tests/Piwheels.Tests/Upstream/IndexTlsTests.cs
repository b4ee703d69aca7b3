using System.Net;
using System.Security.Cryptography.X509Certificates;
using Piwheels.Core.Packaging;
using Piwheels.Master.Upstream;
using Piwheels.Testing;
using Xunit;

namespace Piwheels.Tests.Upstream;

/// <summary>Which certificates are believed, by the variables that say so, and what is said of the others.</summary>
public sealed class IndexTlsTests : IDisposable
{
    private static readonly PackageName Foo = PackageName.Parse("foo");

    private readonly CertificateMaker _maker = new();
    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        _maker.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("PIP_CERT")]
    [InlineData("REQUESTS_CA_BUNDLE")]
    [InlineData("CURL_CA_BUNDLE")]
    [InlineData("SSL_CERT_FILE")]
    public async Task An_authority_named_in_a_file_is_believed(string variable)
    {
        using var certificate = _maker.ForServer();
        await using var bed = await StartAsync(certificate, name => name == variable ? Bundle() : null);
        Assert.IsType<Fetched<IndexPage>.Found>(await bed.Simple.GetPageAsync(Foo, null, default));
    }

    [Theory]
    [InlineData("PIP_CERT", "")]
    [InlineData("REQUESTS_CA_BUNDLE", "")]
    [InlineData("CURL_CA_BUNDLE", "")]
    [InlineData("SSL_CERT_DIR", "")]
    [InlineData("SSL_CERT_DIR", "/nowhere:")]
    public async Task An_authority_in_a_folder_is_believed(string variable, string before)
    {
        Bundle();
        await File.WriteAllTextAsync(_folder["README"], "none", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(
            _folder["broken.pem"],
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            TestContext.Current.CancellationToken);
        using var certificate = _maker.ForServer();
        await using var bed = await StartAsync(certificate, name => name == variable ? before + _folder.Path : null);
        Assert.IsType<Fetched<IndexPage>.Found>(await bed.Simple.GetPageAsync(Foo, null, default));
    }

    [Fact]
    public void The_first_of_pips_variables_counts_and_OpenSSLs_count_together()
    {
        using var other = new CertificateMaker();
        var folder = Directory.CreateDirectory(_folder["others"]).FullName;
        File.WriteAllText(Path.Combine(folder, "one.pem"), other.Pem);
        File.WriteAllText(Path.Combine(folder, "two.pem"), other.Pem);
        var set = new Dictionary<string, string> { ["SSL_CERT_FILE"] = Bundle(), ["SSL_CERT_DIR"] = folder };
        Assert.Equal(Authorities(_maker, other), Read());
        foreach (var name in new[] { "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "PIP_CERT" })
        {
            set[name] = folder;
            Assert.Equal(Authorities(other), Read());
            set[name] = Bundle();
            Assert.Equal(Authorities(_maker), Read());
        }

        set.Clear();
        Assert.Null(TrustedCertificates.Read(set.GetValueOrDefault));
        set["PIP_CERT"] = "";
        Assert.Null(TrustedCertificates.Read(set.GetValueOrDefault));
        IEnumerable<string> Read() => TrustedCertificates.Read(set.GetValueOrDefault)!
            .Select(c => c.ExportCertificatePem()).Order(StringComparer.Ordinal);
        static IEnumerable<string> Authorities(params CertificateMaker[] makers) =>
            makers.Select(m => m.Pem).Order(StringComparer.Ordinal);
    }

    [Theory]
    [InlineData("PIP_CERT", "absent.pem", null, "Could not find file")]
    [InlineData("REQUESTS_CA_BUNDLE", "empty.pem", "", "there is no certificate in")]
    [InlineData("CURL_CA_BUNDLE", "text.pem", "hello", "there is no certificate in")]
    [InlineData("SSL_CERT_FILE", "broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "cannot read certificates from")]
    [InlineData("SSL_CERT_DIR", "absent", null, "there is no certificate in")]
    public void A_bundle_that_cannot_be_read_is_one_clear_fault(string variable, string file, string? text, string said)
    {
        var path = _folder[file];
        if (text is not null) File.WriteAllText(path, text);
        var fault = Assert.Throws<InvalidOperationException>(
            () => new IndexConnection(TimeProvider.System, variable: name => name == variable ? path : null));
        Assert.StartsWith($"{variable}: ", fault.Message, StringComparison.Ordinal);
        Assert.Contains(path, fault.Message, StringComparison.Ordinal);
        Assert.Contains(said, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_authority_that_nobody_named_is_not_believed()
    {
        using var certificate = _maker.ForServer();
        await using var bed = await StartAsync(certificate, _ => null);
        await RefusedAsync(bed, "UntrustedRoot", "PartialChain");
    }

    [Fact]
    public async Task A_certificate_that_nobody_signed_is_not_believed()
    {
        using var certificate = CertificateMaker.SelfSigned();
        await using var bed = await StartAsync(certificate, Trusting);
        await RefusedAsync(bed, "UntrustedRoot", "PartialChain");
    }

    [Fact]
    public async Task A_certificate_for_another_host_is_not_believed()
    {
        using var certificate = _maker.ForServer("other.test");
        await using var bed = await StartAsync(certificate, Trusting);
        await RefusedAsync(bed, "RemoteCertificateNameMismatch");
    }

    [Fact]
    public async Task A_certificate_that_has_expired_is_not_believed()
    {
        using var certificate = _maker.ForServer(days: -2);
        await using var bed = await StartAsync(certificate, Trusting);
        await RefusedAsync(bed, "NotTimeValid");
    }

    [Fact]
    public async Task A_server_that_speaks_no_TLS_is_away()
    {
        await using var bed = await StandInBed.StartAsync(folder => folder.AddSdist("foo", "1.0"));
        var simple = new SimpleClient(bed.Connection, new UriBuilder(bed.Index.Simple) { Scheme = "https" }.Uri);
        var away = Assert.IsType<Fetched<IndexPage>.Away>(await simple.GetPageAsync(Foo, null, default).Within());
        Assert.True(away.WholeIndex);
    }

    [Fact]
    public async Task Over_TLS_many_requests_share_one_connection()
    {
        using var certificate = _maker.ForServer();
        await using var bed = await StartAsync(certificate, Trusting);
        var connections = new HashSet<string>();
        bed.Faults.Seen = request =>
        {
            lock (connections)
            {
                connections.Add(request.HttpContext.Connection.Id);
                Assert.Equal("HTTP/2", request.Protocol);
            }
        };
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => bed.Simple.GetPageAsync(Foo, null, default)));
        Assert.Equal(20, bed.Asked("/simple/foo/"));
        Assert.Single(connections);
    }

    private static async Task RefusedAsync(StandInBed bed, params string[] reasons)
    {
        var away = Assert.IsType<Fetched<IndexPage>.Away>(await bed.Simple.GetPageAsync(Foo, null, default).Within());
        Assert.True(away.WholeIndex);
        Assert.Contains(reasons, r => away.Reason.Contains(r, StringComparison.Ordinal));
        Assert.Empty(bed.Faults.Requests);
    }

    private static Task<StandInBed> StartAsync(X509Certificate2 certificate, Func<string, string?> variable) =>
        StandInBed.StartAsync(folder => folder.AddSdist("foo", "1.0"), certificate: certificate, variable: variable);

    private string? Trusting(string variable) => variable == "SSL_CERT_FILE" ? Bundle() : null;

    /// <summary>A file with the certificate of the authority.</summary>
    private string Bundle()
    {
        var path = _folder["ca.pem"];
        File.WriteAllText(path, _maker.Pem + "\n");
        return path;
    }
}
