using System.Text.RegularExpressions;
using Xunit;

namespace Piwheels.Tidy.Tests;

/// <summary>What the commands can do is written down.</summary>
public sealed partial class CommandLineTests
{
    [Fact]
    public void Every_option_has_a_line_in_the_documentation()
    {
        var text = Repository.Read("docs", "commands.md");
        var missing = Directory.EnumerateFiles(
                Repository.PathOf("src", "Piwheels.Cli"), "*Command.cs", SearchOption.AllDirectories)
            .SelectMany(file => OptionNames(File.ReadAllText(file)).Select(name => (file: Path.GetFileName(file), name)))
            .Where(option => !text.Contains($"--{option.name}", StringComparison.Ordinal)).ToList();
        Assert.Empty(missing);
    }

    private static IEnumerable<string> OptionNames(string code) =>
        SettingName().Matches(code).Select(match => match.Groups[1].Value)
            .Concat(QueueName().Matches(code).Select(match => match.Groups[1].Value + "-queue"))
            .Concat(OptionName().Matches(code).Select(match => match.Groups[1].Value));

    [GeneratedRegex(@"Settings\.\w+\(\s*""([a-z0-9-]+)""")]
    private static partial Regex SettingName();

    [GeneratedRegex(@"AddQueue\(""([a-z]+)""")]
    private static partial Regex QueueName();

    [GeneratedRegex(@"new\(""--([a-z0-9-]+)""")]
    private static partial Regex OptionName();
}
