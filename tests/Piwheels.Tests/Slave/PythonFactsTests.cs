using Piwheels.Slave.Python;
using Xunit;

namespace Piwheels.Tests.Slave;

public sealed class PythonFactsTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("piw-test-python-");

    public void Dispose() => _folder.Delete(recursive: true);

    private string Script(string text)
    {
        var path = Path.Combine(_folder.FullName, "python3");
        File.WriteAllText(path, "#!/bin/sh\n" + text + "\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return path;
    }

    private static Task<PythonFacts> FindAsync(string? configured) =>
        PythonFacts.FindAsync(configured, TimeProvider.System, TestContext.Current.CancellationToken);

    [Fact]
    public async Task The_systems_python_tells_what_it_is()
    {
        var facts = await FindAsync("/usr/bin/python3");

        Assert.Equal("/usr/bin/python3", facts.Executable);
        Assert.Matches(@"^3\.\d+\.\d+$", facts.Version);
        Assert.Equal(string.Concat(facts.Version.Split('.')[..2]), facts.PyVersion);
        Assert.Equal("cp" + facts.PyVersion, facts.Abi);
        Assert.Matches("^linux_[a-z0-9_]+$", facts.Platform);
        Assert.NotEqual("", facts.PipVersion);
        Assert.Equal(".so", facts.ExtensionSuffixes[^1]);
        Assert.Matches(@"^\.cpython-\d+-.*\.so$", facts.ExtensionSuffixes[0]);
    }

    [Fact]
    public async Task Without_configuration_one_is_found() => Assert.NotNull(await FindAsync(null));

    [Theory]
    [InlineData("/no/such/python3", "there is no /no/such/python3, which is configured as the Python to build with")]
    [InlineData("no-such-python", "there is no no-such-python, which is configured as the Python to build with")]
    public async Task A_configured_one_that_is_not_there_is_said_in_one_line(string configured, string message)
    {
        var refusal = await Assert.ThrowsAsync<PythonNotFoundException>(() => FindAsync(configured));
        Assert.Equal(message, refusal.Message);
    }

    [Theory]
    [InlineData("echo something odd; exit 3", "is no Python 3 that works: something odd")]
    [InlineData("echo '{}'", "is no Python 3 that works: {}")]
    [InlineData("exec /no/such/file", "is no Python 3 that works: ")]
    [InlineData(
        "echo '{\"executable\": \"x\", \"version\": \"3.9.2\", \"py_version\": \"39\", \"abi\": \"cp39\", "
        + "\"platform\": \"linux_armv7l\", \"glibc\": \"2.31\", \"pip\": \"\", \"venv\": true, \"compiler\": \"\", "
        + "\"extensions\": [], \"folders\": [], \"headers\": false}'",
        "has no pip (apt install python3-pip)")]
    public async Task One_that_does_not_work_is_said_in_one_line(string script, string message)
    {
        var refusal = await Assert.ThrowsAsync<PythonNotFoundException>(() => FindAsync(Script(script)));
        Assert.Contains(message, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
    }

    [Fact]
    public async Task A_missing_compiler_is_a_warning_only()
    {
        var facts = await FindAsync("/usr/bin/python3");

        Assert.Contains("no C compiler", Assert.Single((facts with { Compiler = null }).Warnings), StringComparison.Ordinal);
        Assert.Contains(
            "no Python.h", Assert.Single((facts with { Compiler = "cc", HasHeaders = false }).Warnings), StringComparison.Ordinal);
        Assert.Empty((facts with { Compiler = "cc", HasHeaders = true }).Warnings);
    }
}
