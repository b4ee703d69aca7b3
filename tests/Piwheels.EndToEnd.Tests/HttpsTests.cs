using Piwheels.Testing;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>A farm on an index by https, whose authority is not the system's.</summary>
public sealed class HttpsTests
{
    [Fact]
    public async Task An_authority_is_believed_by_all_of_the_farm_where_the_environment_names_it_and_else_by_none()
    {
        using var maker = new CertificateMaker();
        using var certificate = maker.ForServer();
        await using var fixture = await FarmFixture.CreateAsync(certificate);
        Assert.Equal("https", fixture.Index.Root.Scheme);
        var up = fixture.Up(FarmFixture.FreePort(), "--once", "piw-demo-greeting");
        var (exitCode, output) = await PiwProcess.RunAsync(up);
        Assert.Equal(1, exitCode);
        Assert.Contains("cannot reach https://", Assert.Single(output.Trim().Split('\n')), StringComparison.Ordinal);
        Assert.Matches("UntrustedRoot|PartialChain", output);

        var bundle = Path.Combine(fixture.Folder, "ca.pem");
        await File.WriteAllTextAsync(bundle, maker.Pem + "\n", TestContext.Current.CancellationToken);
        await using var trusting = PiwProcess.Start(
            up, new Dictionary<string, string> { ["REQUESTS_CA_BUNDLE"] = bundle });
        Assert.True(await trusting.EndAsync() == 0, trusting.Output);
        Assert.Contains("built    piw-demo-greeting", trusting.Output, StringComparison.Ordinal);
    }
}
