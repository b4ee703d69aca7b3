using System.Text.Json;
using Xunit;

namespace Piwheels.Tests.Core;

/// <summary>The lines of tests/data/packaging, whose answers come from Python's packaging library.</summary>
internal static class PackagingVectors
{
    internal static IReadOnlyList<JsonElement> Read(string file)
    {
        var path = Path.Combine(AppContext.BaseDirectory, "data", "packaging", file);
        return [.. File.ReadLines(path).Select(line => JsonDocument.Parse(line).RootElement)];
    }

    /// <summary>Runs a check on each line, and tells all that fail at once.</summary>
    internal static void Check(IEnumerable<JsonElement> lines, int expectedCount, Func<JsonElement, string?> problem)
    {
        var count = 0;
        var problems = new List<string>();
        foreach (var line in lines)
        {
            count++;
            if (problem(line) is { } text) problems.Add($"{line}: {text}");
        }

        Assert.Equal(expectedCount, count);
        Assert.True(problems.Count == 0, $"{problems.Count} fail\n{string.Join('\n', problems.Take(20))}");
    }

    internal static string Text(this JsonElement line, string field) => line.GetProperty(field).GetString()!;

    internal static bool Flag(this JsonElement line, string field) => line.GetProperty(field).GetBoolean();

    internal static string[] Texts(this JsonElement line, string field) =>
        [.. line.GetProperty(field).EnumerateArray().Select(item => item.GetString()!)];
}
