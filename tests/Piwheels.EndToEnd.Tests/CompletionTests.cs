using Piwheels.Testing;
using Xunit;

namespace Piwheels.EndToEnd.Tests;

/// <summary>The shells themselves complete the words of piw.</summary>
public sealed class CompletionTests
{
    private static string Folder => Path.GetDirectoryName(PiwProcess.Program)!;

    [Theory]
    [InlineData("piw mast", "master")]
    [InlineData("piw slave-key re", "revoke")]
    [InlineData("piw target ", "add|list|remove|skip")]
    [InlineData("piw master --pypi", "--pypi-json|--pypi-simple|--pypi-xmlrpc")]
    [InlineData("piw-master --pypi-j", "--pypi-json")]
    [InlineData("piw completion ", "bash|fish|zsh")]
    [InlineData("piw web ", "")]
    public async Task Bash(string typed, string expected)
    {
        const string Script = """
            PATH=$1:$PATH; source <(piw completion bash)
            COMP_LINE=$2 COMP_POINT=${#2}
            _piw; printf '%s\n' "${COMPREPLY[@]}"
            """;
        Assert.Equal(expected, await CompleteAsync("bash", "-c", Script, "bash", Folder, typed));
    }

    [Theory]
    [InlineData("piw mast", "master")]
    [InlineData("piw slave-key re", "revoke")]
    [InlineData("piw completion ", "bash|fish|zsh")]
    [InlineData("piw-master --pypi-j", "--pypi-json")]
    public async Task Fish(string typed, string expected)
    {
        const string Script = "set PATH $argv[1] $PATH; piw completion fish | source; complete --do-complete $argv[2]";
        Assert.Equal(expected, await CompleteAsync("fish", "--no-config", "-c", Script, Folder, typed));
    }

    [Theory]
    [InlineData("piw mast", "master")]
    [InlineData("piw-master --pypi-j", "--pypi-json")]
    public async Task Zsh(string typed, string expected)
    {
        var screen = await PrintedAsync(
            PythonPeer.Python, Path.Combine(AppContext.BaseDirectory, "peers", "zsh_completion.py"), Folder, typed, expected);
        Assert.Contains(expected, screen, StringComparison.Ordinal);
    }

    private static async Task<string> CompleteAsync(string shell, params string[] arguments)
    {
        var lines = (await PrintedAsync(shell, arguments)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return string.Join('|', lines.Order(StringComparer.Ordinal));
    }

    private static async Task<string> PrintedAsync(string program, params string[] arguments)
    {
        // Fish makes folders in its home
        using var home = new TemporaryFolder();
        await using var shell = PiwProcess.Start(program, arguments, new Dictionary<string, string> { ["HOME"] = home.Path });
        await shell.EndAsync();
        return shell.Output;
    }
}
