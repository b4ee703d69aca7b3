using System.Diagnostics;
using Xunit;

namespace Piwheels.Tidy.Tests;

/// <summary>systemd takes our units as they are written.</summary>
public sealed class UnitFileTests
{
    private const string Program = "/usr/bin/piw";

    public static TheoryData<string> Units =>
        [.. Directory.EnumerateFiles(Repository.PathOf("packaging", "systemd")).Select(path => Path.GetFileName(path)).Order()];

    [Theory]
    [MemberData(nameof(Units))]
    public async Task Systemd_has_nothing_to_say_against_a_unit(string unit)
    {
        var text = Repository.Read("packaging", "systemd", unit);
        Assert.Contains($"={Program} ", text, StringComparison.Ordinal);
        Assert.Equal("", await VerifyAsync(unit, text));
        Assert.Contains("UMaks", await VerifyAsync(unit, text + "\n[Service]\nUMaks=0\n"), StringComparison.Ordinal);
    }

    /// <summary>What systemd says of a unit, on a machine where the program need not be installed.</summary>
    private static async Task<string> VerifyAsync(string unit, string text)
    {
        var folder = Directory.CreateTempSubdirectory("units-");
        try
        {
            var path = Path.Combine(folder.FullName, unit);
            await File.WriteAllTextAsync(
                path, text.Replace(Program, "/bin/true", StringComparison.Ordinal), TestContext.Current.CancellationToken);
            using var systemd = Process.Start(new ProcessStartInfo("systemd-analyze", ["verify", path])
            {
                UseShellExecute = false,
                RedirectStandardError = true,
            })!;
            return await systemd.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
